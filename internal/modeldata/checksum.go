package modeldata

import (
	"crypto/md5"  //nolint:gosec // an ETag's algorithm, against damage, not against an attacker
	"crypto/sha1" //nolint:gosec // as above
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"strings"
)

// crc64NVME is the polynomial of S3's CRC-64/NVME, reversed.
const crc64NVME = 0x9a6c9329ac4bc9b5

// algorithms of S3's checksums. AWS: S3 user guide, checking object integrity.
var algorithms = []struct {
	name string
	make func() hash.Hash
}{
	{"SHA512", sha512.New},
	{"SHA256", sha256.New},
	{"SHA1", sha1.New},
	{"CRC64NVME", func() hash.Hash { return crc64.New(crc64.MakeTable(crc64NVME)) }},
	{"CRC32C", func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }},
	{"CRC32", func() hash.Hash { return crc32.NewIEEE() }},
	{"MD5", md5.New},
}

// checksum is what a store says the bytes of an object add up to; the zero value where it says nothing that can be checked.
type checksum struct {
	algorithm string
	make      func() hash.Hash
	want      string // as the store spells it
	hex       bool   // and not base 64
}

// pick returns the strongest checksum of an object's: values are by algorithm, in base 64. One that is composed of those of an upload's
// parts ("…-3") is none of the whole object.
func pick(values map[string]string) checksum {
	for _, a := range algorithms {
		if v := values[a.name]; v != "" && !strings.Contains(v, "-") {
			return checksum{algorithm: a.name, make: a.make, want: v}
		}
	}
	return checksum{}
}

// md5ETag returns an ETag as a checksum. It is the MD5 of an object that was uploaded as one part and is not encrypted with a key of
// the customer's. AWS: S3 API reference, Object, ETag.
func md5ETag(etag, encryption string) checksum {
	if _, err := hex.DecodeString(etag); err != nil || len(etag) != 2*md5.Size || encryption != "" && encryption != "AES256" {
		return checksum{}
	}
	return checksum{algorithm: "MD5 (ETag)", make: md5.New, want: strings.ToLower(etag), hex: true}
}

// agrees compares what was read with the store's checksum.
func (c checksum) agrees(h hash.Hash) error {
	got := base64.StdEncoding.EncodeToString(h.Sum(nil))
	if c.hex {
		got = hex.EncodeToString(h.Sum(nil))
	}
	if got != c.want {
		return problemf(Invalid, "its %s is %s, and should be %s: it was damaged on the way or in the store", c.algorithm, got, c.want)
	}
	return nil
}
