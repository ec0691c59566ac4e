package listing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/term"
)

// endpointAnswer is what the command prints as JSON.
type endpointAnswer struct {
	Endpoints []*sagemaker.DescribeEndpointOutput
}

// EndpointNames returns the names of all endpoints, the newest first; those that contain a text.
func EndpointNames(ctx context.Context, c *client.Client, containing string) ([]string, error) {
	in := &sagemaker.ListEndpointsInput{MaxResults: aws.Int32(100)}
	if containing != "" {
		in.NameContains = &containing
	}
	var names []string
	for pages := sagemaker.NewListEndpointsPaginator(c.SageMaker, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Endpoints {
			names = append(names, aws.ToString(e.EndpointName))
		}
	}
	return names, nil
}

// describe describes endpoints. One that is deleted meanwhile is left out where it was listed.
func describe(ctx context.Context, c *client.Client, names []string) ([]*sagemaker.DescribeEndpointOutput, error) {
	listed := len(names) == 0
	if listed {
		var err error
		if names, err = EndpointNames(ctx, c, ""); err != nil {
			return nil, err
		}
	}
	found := make([]*sagemaker.DescribeEndpointOutput, len(names))
	err := each(ctx, len(names), func(ctx context.Context, i int) error {
		out, err := c.SageMaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: &names[i]})
		if e := (*client.Error)(nil); listed && errors.As(client.Plain(err), &e) && e.NotFound() {
			return nil
		}
		found[i] = out
		return err
	})
	all := []*sagemaker.DescribeEndpointOutput{}
	for _, x := range found {
		if x != nil {
			all = append(all, x)
		}
	}
	return all, err
}

// Endpoints lists all endpoints, or describes those that are named.
func Endpoints(ctx context.Context, c *client.Client, names []string) (term.Answer, error) {
	all, err := describe(ctx, c, names)
	if err != nil {
		return term.Answer{}, err
	}
	a := term.Answer{JSON: endpointAnswer{all}}
	if len(names) > 0 {
		for i, e := range all {
			if i > 0 {
				a.Blocks = append(a.Blocks, term.Line{})
			}
			a.Blocks = append(a.Blocks, endpointDetails(e)...)
		}
		return a, nil
	}
	t := term.Table{
		Header: []string{"ENDPOINT", "STATUS", "VARIANTS", "INSTANCES", "CONFIGURATION", "CHANGED", "WHY NOT"},
		Empty:  "There is no endpoint. `bellows deploy` makes one with the built-in model.",
	}
	now := time.Now()
	for _, e := range all {
		t.Rows = append(t.Rows, []term.Cell{
			term.Plain(aws.ToString(e.EndpointName)), term.Status(string(e.EndpointStatus)), term.Plain(variantNames(e)), instances(e),
			term.Plain(aws.ToString(e.EndpointConfigName)), term.Plain(Age(now, aws.ToTime(e.LastModifiedTime))), term.Plain(aws.ToString(e.FailureReason)),
		})
	}
	a.Blocks = []term.Block{t}
	return a, nil
}

func variantNames(e *sagemaker.DescribeEndpointOutput) string {
	var names []string
	for _, v := range e.ProductionVariants {
		names = append(names, aws.ToString(v.VariantName))
	}
	return strings.Join(names, " ")
}

// instances returns current and desired instances of all variants.
func instances(e *sagemaker.DescribeEndpointOutput) term.Cell {
	current, desired := int32(0), int32(0)
	for _, v := range e.ProductionVariants {
		current, desired = current+aws.ToInt32(v.CurrentInstanceCount), desired+aws.ToInt32(v.DesiredInstanceCount)
	}
	return capacity(int(current), int(desired))
}

// capacity shows instances that run of those desired.
func capacity(current, desired int) term.Cell {
	c := term.Number("%d of %d", current, desired)
	if current != desired {
		c.Tone = term.Warning
	}
	return c
}

// endpointDetails are the blocks of one endpoint.
func endpointDetails(e *sagemaker.DescribeEndpointOutput) []term.Block {
	p := term.Pairs{
		{Name: "endpoint", Cell: term.Toned(term.Bold, aws.ToString(e.EndpointName))},
		{Name: "status", Cell: term.Status(string(e.EndpointStatus))},
		{Name: "why", Cell: term.Toned(term.Bad, aws.ToString(e.FailureReason))},
		{Name: "configuration", Cell: term.Plain(aws.ToString(e.EndpointConfigName))},
		{Name: "created", Cell: term.Plain(moment(e.CreationTime))},
		{Name: "changed", Cell: term.Plain(moment(e.LastModifiedTime))},
		{Name: "ARN", Cell: term.Plain(aws.ToString(e.EndpointArn))},
	}
	blocks := []term.Block{p}
	if d := e.PendingDeploymentSummary; d != nil {
		blocks = append(blocks, term.Line(term.Toned(term.Warning, fmt.Sprintf("deploying %s, since %s", aws.ToString(d.EndpointConfigName), moment(d.StartTime)))))
	}
	t := term.Table{Header: []string{"VARIANT", "STATUS", "INSTANCES", "WEIGHT", "IMAGE"}}
	for _, v := range e.ProductionVariants {
		t.Rows = append(t.Rows, []term.Cell{
			term.Plain(aws.ToString(v.VariantName)), variantStatus(v),
			capacity(int(aws.ToInt32(v.CurrentInstanceCount)), int(aws.ToInt32(v.DesiredInstanceCount))),
			term.Number("%g", aws.ToFloat32(v.CurrentWeight)), term.Plain(image(v)),
		})
	}
	if len(t.Rows) > 0 {
		blocks = append(blocks, t)
	}
	return blocks
}

func variantStatus(v types.ProductionVariantSummary) term.Cell {
	if len(v.VariantStatus) == 0 {
		return term.Status(string(types.VariantStatus("InService")))
	}
	s := v.VariantStatus[0]
	return term.Toned(cmp.Or(term.ToneOf(string(s.Status)), term.Warning), string(s.Status))
}

func image(v types.ProductionVariantSummary) string {
	if len(v.DeployedImages) == 0 {
		return ""
	}
	return aws.ToString(v.DeployedImages[0].SpecifiedImage)
}

// modelAnswer is what the command prints as JSON.
type modelAnswer struct {
	Models []*sagemaker.DescribeModelOutput
}

// ModelNames returns the names of all models, the newest first; those that contain a text.
func ModelNames(ctx context.Context, c *client.Client, containing string) ([]string, error) {
	in := &sagemaker.ListModelsInput{MaxResults: aws.Int32(100)}
	if containing != "" {
		in.NameContains = &containing
	}
	var names []string
	for pages := sagemaker.NewListModelsPaginator(c.SageMaker, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, m := range page.Models {
			names = append(names, aws.ToString(m.ModelName))
		}
	}
	return names, nil
}

// Models lists all models, or those that are named.
func Models(ctx context.Context, c *client.Client, names []string) (term.Answer, error) {
	listed := len(names) == 0
	if listed {
		var err error
		if names, err = ModelNames(ctx, c, ""); err != nil {
			return term.Answer{}, err
		}
	}
	found := make([]*sagemaker.DescribeModelOutput, len(names))
	if err := each(ctx, len(names), func(ctx context.Context, i int) error {
		out, err := c.SageMaker.DescribeModel(ctx, &sagemaker.DescribeModelInput{ModelName: &names[i]})
		if e := (*client.Error)(nil); listed && errors.As(client.Plain(err), &e) && e.NotFound() {
			return nil
		}
		found[i] = out
		return err
	}); err != nil {
		return term.Answer{}, err
	}
	all := []*sagemaker.DescribeModelOutput{}
	t := term.Table{Header: []string{"MODEL", "IMAGE", "CREATED", "MODEL DATA", "ENVIRONMENT"}, Empty: "There is no model. `bellows deploy` makes one with an endpoint."}
	now := time.Now()
	for _, m := range found {
		if m == nil {
			continue
		}
		all = append(all, m)
		d := container(m)
		t.Rows = append(t.Rows, []term.Cell{
			term.Plain(aws.ToString(m.ModelName)), term.Plain(aws.ToString(d.Image)), term.Plain(Age(now, aws.ToTime(m.CreationTime))),
			term.Plain(dataOf(d)), term.Plain(environment(d.Environment)),
		})
	}
	return term.Answer{JSON: modelAnswer{all}, Blocks: []term.Block{t}}, nil
}

func container(m *sagemaker.DescribeModelOutput) types.ContainerDefinition {
	switch {
	case m.PrimaryContainer != nil:
		return *m.PrimaryContainer
	case len(m.Containers) > 0:
		return m.Containers[0]
	}
	return types.ContainerDefinition{}
}

func dataOf(d types.ContainerDefinition) string {
	if s := d.ModelDataSource; s != nil && s.S3DataSource != nil {
		return aws.ToString(s.S3DataSource.S3Uri)
	}
	return aws.ToString(d.ModelDataUrl)
}

// environment writes variables in order. Values are not shown: they may be secrets.
func environment(of map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(of)), " ")
}
