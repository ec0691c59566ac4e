package console

import (
	"bytes"
	"compress/gzip"
	"embed"
	"net/http"
	"strings"
	"sync"
)

// The built page: `make console` writes dist/ from web/.
//
//go:embed dist
var built embed.FS

// asset is a file of the page, compressed with gzip.
type asset struct{ plain, packed []byte }

// assets are the files below dist/assets, packed at the first request.
var assets = sync.OnceValue(func() map[string]asset {
	all := map[string]asset{}
	entries, _ := built.ReadDir("dist/assets") // without the folder there is no console
	for _, e := range entries {
		plain, err := built.ReadFile("dist/assets/" + e.Name())
		if err != nil {
			continue
		}
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is valid
		_, _ = z.Write(plain)                                      // a buffer does not fail
		_ = z.Close()
		all[e.Name()] = asset{plain, packed.Bytes()}
	}
	return all
})

//go:embed openapi.yaml
var openAPI []byte

// policy is the content security policy of the page: nothing but its own files, no inline code, no frames around it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Page answers GET / and below /console/, where a browser asks for a page: with the console, which asks the API for everything else.
func (c *Console) Page(w http.ResponseWriter, r *http.Request) {
	page, err := built.ReadFile("dist/index.html")
	if err != nil {
		http.Error(w, "This program was built without the console. `make console build` makes it; /health shows the endpoints.", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(page) // the client may be gone
}

// kinds are the content types of assets, by the end of their names.
var kinds = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
}

// Asset answers GET below /console/assets/. The names of assets contain a digest of their content.
func (c *Console) Asset(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, AssetsPath)
	kind := kinds[name[max(0, strings.LastIndexByte(name, '.')):]]
	x, found := assets()[name]
	if kind == "" || !found {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	body := x.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = x.packed
	}
	_, _ = w.Write(body) // the client may be gone
}

// openAPI answers GET openapi.yaml.
func (c *Console) openAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI) // the client may be gone
	return nil
}
