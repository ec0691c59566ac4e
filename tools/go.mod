module bellows.dev/bellows/tools

go 1.26.7

require (
	bellows.dev/bellows v0.0.0
	github.com/aws/aws-sdk-go v1.55.8
	github.com/google/go-cmp v0.7.0
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/molecule-man/go-brrr v1.3.1 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/valyala/fasthttp v1.78.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace bellows.dev/bellows => ../
