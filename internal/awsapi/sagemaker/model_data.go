package sagemaker

import (
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
)

// dataPattern is AWS's pattern of ModelDataUrl and S3Uri, extended by file:///path.
const dataPattern = `^(https|s3)://([^/]+)/?(.*)$`

var dataURI = regexp.MustCompile(dataPattern)

// modelData reads the location of a container's model data. AWS: ContainerDefinition, ModelDataUrl and ModelDataSource; S3ModelDataSource.
func modelData(d *types.ContainerDefinition, path string, out *hosting.Container) error {
	if err := checkURI(d.ModelDataUrl, path+".modelDataUrl"); err != nil {
		return err
	}
	source := d.ModelDataSource
	if source == nil || source.S3DataSource == nil {
		return awsapi.Only(source, path+".modelDataSource", "S3DataSource")
	}
	at := path + ".modelDataSource.s3DataSource"
	s := source.S3DataSource
	if d.ModelDataUrl != nil {
		return awsapi.Validation("Only one of '%s.modelDataUrl' and '%s.modelDataSource' can be specified.", path, path)
	}
	if err := awsapi.Only(s, at, "S3Uri", "S3DataType", "CompressionType", "ETag"); err != nil {
		return err
	}
	if err := checkURI(s.S3Uri, at+".s3Uri"); err != nil {
		return err
	}
	uri := aws.ToString(s.S3Uri)
	data := hosting.ModelData{
		URI: uri, Prefix: s.S3DataType == types.S3ModelDataTypeS3Prefix, Archive: s.CompressionType == types.ModelCompressionTypeGzip,
		ETag: aws.ToString(s.ETag),
	}
	switch {
	case data.Prefix && data.Archive:
		return awsapi.Validation("The member '%s.compressionType' is Gzip: an archive is one object, and '%s.s3DataType' is S3Prefix.", at, at)
	case data.Prefix && !strings.HasSuffix(uri, "/"):
		return awsapi.Validation("The member '%s.s3Uri' is %q: with S3Prefix it must end with a forward slash (/).", at, uri)
	case data.Prefix && data.ETag != "":
		return awsapi.Validation("The member '%s.eTag' is of an object, and '%s.s3DataType' is S3Prefix.", at, at)
	}
	out.ModelDataSource = &data
	return nil
}

func checkURI(uri *string, at string) error {
	if uri == nil || dataURI.MatchString(*uri) || strings.HasPrefix(*uri, "file:///") {
		return nil
	}
	return awsapi.Validation("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: "+
		"Member must satisfy regular expression pattern: %s", *uri, at, dataPattern)
}

func describeData(d *hosting.ModelData) *types.ModelDataSource {
	if d == nil {
		return nil
	}
	s := &types.S3ModelDataSource{
		S3Uri: aws.String(d.URI), S3DataType: types.S3ModelDataTypeS3Object, CompressionType: types.ModelCompressionTypeNone,
		ETag: awsapi.Optional(d.ETag),
	}
	if d.Prefix {
		s.S3DataType = types.S3ModelDataTypeS3Prefix
	}
	if d.Archive {
		s.CompressionType = types.ModelCompressionTypeGzip
	}
	return &types.ModelDataSource{S3DataSource: s}
}
