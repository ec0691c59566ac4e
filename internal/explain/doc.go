// Package explain says why a variant did or did not scale: what each policy saw and wanted at a moment of the last two weeks, what
// came of it, what is silently wrong, and the story that led there. The server answers with it over HTTP, and `bellows explain` without
// a server from the data directory.
//
// A moment is looked at in the engine as it stood: now, or as its steps are taken again.
package explain
