// Package modeldata fetches model data to this machine: from S3-compatible stores, from local folders that stand for S3 prefixes, and
// from file:// URIs.
//
// A Cache keeps data by its content, below one directory, for all copies together: what several of them need at the same time is
// fetched once, what is cached is not fetched again, and what no copy uses is evicted, the least recently used first, when the
// cache is full. Data appears under its name only once it is complete and its checksums agree.
//
//	cache, err := modeldata.New(modeldata.Options{Dir: dir, Settings: settings, Log: log})
//	data, err := cache.Open(ctx, model, 20*time.Minute, func(why string) { … })
//	defer cache.Release(data.Content)
//	// data.Folder is what the model server is given: it is read-only and shared.
package modeldata
