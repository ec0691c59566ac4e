package modeldata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// Time-outs of a download. A connection on which nothing arrives is given up, and the download goes on where it stopped.
const (
	connectTimeout = 10 * time.Second
	headerTimeout  = 30 * time.Second
	silenceMax     = time.Minute
	resumesMax     = 5 // in a row, without a byte between them
	resumeAfter    = 200 * time.Millisecond
)

// newClient returns a client of a store. It takes nothing but credentials from the environment: AWS_ENDPOINT_URL, which points at this
// very server where a user follows its instructions, has no effect.
func newClient(s Store) *s3.Client {
	o := s3.Options{
		Region: s.Region, UsePathStyle: s.PathStyle,
		Retryer:     retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 3, time.Second }),
		Credentials: environmentCredentials(), HTTPClient: newHTTPClient(),
		// Downloads are checked here, since one that is resumed has no checksum of its own.
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired, DisableLogOutputChecksumValidationSkipped: true,
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if s.Endpoint != "" {
		o.BaseEndpoint = aws.String(s.Endpoint)
	}
	switch {
	case s.Anonymous:
		o.Credentials = aws.AnonymousCredentials{}
	case s.AccessKeyID != "":
		o.Credentials = credentials.NewStaticCredentialsProvider(s.AccessKeyID, s.SecretAccessKey, s.SessionToken)
	}
	return s3.New(o)
}

// environmentCredentials are resolved at the first request: a machine without any must not be slow to start.
func environmentCredentials() aws.CredentialsProvider {
	return aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		c, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return aws.Credentials{}, err
		}
		return c.Credentials.Retrieve(ctx)
	}))
}

func newHTTPClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connectTimeout}).DialContext, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: connectTimeout, ResponseHeaderTimeout: headerTimeout, IdleConnTimeout: 30 * time.Second,
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a signature is for one host
	}
}

// bucket is a bucket of a store.
type bucket struct {
	client *s3.Client
	name   string
}

// object describes one object. It fails with a problem.
func (b bucket) object(ctx context.Context, key string) (object, error) {
	head, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: aws.String(b.name), Key: aws.String(key), ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return object{}, explain(ctx, err)
	}
	o := object{size: aws.ToInt64(head.ContentLength), version: unquote(head.ETag)}
	if head.ChecksumType != types.ChecksumTypeComposite {
		o.sum = pick(map[string]string{
			"SHA512": aws.ToString(head.ChecksumSHA512), "SHA256": aws.ToString(head.ChecksumSHA256), "SHA1": aws.ToString(head.ChecksumSHA1),
			"CRC64NVME": aws.ToString(head.ChecksumCRC64NVME), "CRC32C": aws.ToString(head.ChecksumCRC32C),
			"CRC32": aws.ToString(head.ChecksumCRC32), "MD5": aws.ToString(head.ChecksumMD5),
		})
	}
	if o.sum.make == nil {
		o.sum = md5ETag(o.version, string(head.ServerSideEncryption))
	}
	o.open = b.opener(key, o.version, o.size)
	return o, nil
}

// list describes the objects whose keys begin with a prefix. Marks that consoles make for folders are left out.
func (b bucket) list(ctx context.Context, prefix string) ([]object, error) {
	var out []object
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: aws.String(b.name), Prefix: aws.String(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain(ctx, err)
		}
		for _, x := range page.Contents {
			key, size := aws.ToString(x.Key), aws.ToInt64(x.Size)
			if size == 0 && strings.HasSuffix(key, "/") {
				continue
			}
			if len(out) == entriesMax {
				return nil, problemf(TooLarge, "it has more than %d objects", entriesMax)
			}
			o := object{name: strings.TrimPrefix(key, prefix), size: size, version: unquote(x.ETag)}
			o.open = b.opener(key, o.version, size)
			o.describe = func(ctx context.Context) (checksum, error) { // a list has no checksums
				now, err := b.object(ctx, key)
				return now.sum, err
			}
			out = append(out, o)
		}
	}
	if len(out) == 0 {
		return nil, problemf(Missing, "no object's key begins with %q in the bucket %s", prefix, b.name)
	}
	return out, nil
}

func (b bucket) opener(key, etag string, size int64) func(context.Context, int64) io.ReadCloser {
	return func(ctx context.Context, most int64) io.ReadCloser {
		return &download{ctx: ctx, bucket: b, key: key, etag: etag, end: min(size, most), size: size}
	}
}

func unquote(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

// download reads an object, of one version, to its end. A connection that breaks or stalls is replaced, and reading goes on where
// it stopped.
type download struct {
	ctx    context.Context //nolint:containedctx // it is a reader's, whose Read has none
	bucket bucket
	key    string
	etag   string
	size   int64
	end    int64 // how much of it is wanted

	at     int64
	fails  int // in a row
	body   io.ReadCloser
	cancel context.CancelFunc
	silent *time.Timer
}

// Read implements io.Reader.
func (d *download) Read(p []byte) (int, error) {
	for {
		if d.at == d.end {
			return 0, io.EOF
		}
		err := d.open()
		if err == nil {
			var n int
			d.silent.Reset(silenceMax)
			n, err = d.body.Read(p[:min(int64(len(p)), d.end-d.at)])
			if d.at += int64(n); n > 0 {
				d.fails = 0
				return n, nil
			}
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				err = problemf(Unreachable, "the connection broke after %d of %d bytes: %w", d.at, d.size, err)
			}
		}
		if err == nil {
			continue
		}
		d.drop()
		if p := (*problem)(nil); !errors.As(err, &p) || p.kind != Unreachable || d.ctx.Err() != nil {
			return 0, err
		}
		if d.fails++; d.fails > resumesMax {
			return 0, err
		}
		select {
		case <-d.ctx.Done():
			return 0, d.ctx.Err()
		case <-time.After(resumeAfter << d.fails):
		}
	}
}

// open connects, unless it is connected.
func (d *download) open() error {
	if d.body != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(d.ctx)
	in := &s3.GetObjectInput{Bucket: aws.String(d.bucket.name), Key: aws.String(d.key)}
	if d.etag != "" {
		in.IfMatch = aws.String(`"` + d.etag + `"`)
	}
	if d.at > 0 || d.end < d.size {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", d.at, d.end-1))
	}
	out, err := d.bucket.client.GetObject(ctx, in)
	if err != nil {
		cancel()
		return explain(d.ctx, err)
	}
	if in.Range != nil && out.ContentRange == nil {
		cancel()
		return errors.Join(problemf(Unreachable, "the store answers a part with the whole"), out.Body.Close())
	}
	d.body, d.cancel, d.silent = out.Body, cancel, time.AfterFunc(silenceMax, cancel)
	return nil
}

func (d *download) drop() {
	if d.body == nil {
		return
	}
	d.silent.Stop()
	_ = d.body.Close() // it broke, or was given up
	d.cancel()
	d.body = nil
}

// Close implements io.Closer.
func (d *download) Close() error {
	d.drop()
	return nil
}

// explain turns a client's error into a problem with a text for operators.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	status, code := 0, ""
	if r := (*awshttp.ResponseError)(nil); errors.As(err, &r) {
		status = r.HTTPStatusCode()
	}
	if a := smithy.APIError(nil); errors.As(err, &a) {
		code = a.ErrorCode()
	}
	text := fmt.Sprintf("the store answered %d", status)
	if code != "" {
		text += " (" + code + ")"
	}
	switch {
	case code == "NoSuchBucket":
		return problemf(Missing, "there is no such bucket: %s", text)
	case status == http.StatusNotFound:
		return problemf(Missing, "there is no such object: %s", text)
	case status == http.StatusPreconditionFailed:
		return problemf(Missing, "it was replaced while it was read: %s", text)
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return problemf(Denied, "it may not be read with the credentials of its store in bellows.yaml: %s", text)
	case status >= 300 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		return problemf(Denied, "the store refuses the request, which a wrong region, endpoint or path_style in bellows.yaml can cause: %s", text)
	case status != 0:
		return problemf(Unreachable, "%s", text)
	default:
		return problemf(Unreachable, "the store cannot be reached: %w", root(err))
	}
}

// root returns the cause below the client's own errors.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		if n := (*net.OpError)(nil); errors.As(err, &n) {
			return n
		}
		err = inner
	}
}
