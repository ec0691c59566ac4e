package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
)

// AWS: PutMetricData, API reference.
const (
	putMax        = 1 << 20 // bytes of the body, compressed or not
	datumsMax     = 1000
	entitiesMax   = 2
	valuesMax     = 150
	dimensionsMax = 30
	oldest        = 14 * 24 * time.Hour
	newest        = 2 * time.Hour
)

func (a *API) putMetricData(ctx context.Context, c awsapi.Call, in *sdk.PutMetricDataInput) (*sdk.PutMetricDataOutput, error) {
	if c.Size > putMax {
		return nil, &awsapi.Error{
			Code: "RequestEntityTooLarge", Status: http.StatusRequestEntityTooLarge, Lower: true,
			Message: fmt.Sprintf("Request size %d exceeded %d bytes.", c.Size, putMax),
		}
	}
	if strings.HasPrefix(*in.Namespace, "AWS/") {
		return nil, invalidValue("The value AWS/ for parameter Namespace is invalid.")
	}
	if !plainText(*in.Namespace) {
		return nil, invalidValue("The value %s for parameter Namespace is invalid.", *in.Namespace)
	}
	if err := checkSizes(in); err != nil {
		return nil, err
	}
	var now time.Time
	if err := a.backend.View(ctx, func(at time.Time, _ *engine.Engine) { now = at }); err != nil {
		return nil, err
	}
	b := batch{now: now, namespace: *in.Namespace, data: make([]metric.Datum, 0, len(in.MetricData))}
	b.add(in.MetricData, 0)
	if err := checkEntities(in); err != nil {
		return nil, err
	}
	for i := range in.EntityMetricData { // entities are not stored
		b.add(in.EntityMetricData[i].MetricData, i+1)
	}
	if err := b.refusal(); err != nil {
		return nil, err
	}
	_, err := a.backend.Step(ctx, engine.PutMetricData{Scope: c.Scope, Data: b.data})
	return &sdk.PutMetricDataOutput{}, refusal(err)
}

func checkSizes(in *sdk.PutMetricDataInput) error {
	n := len(in.MetricData)
	for _, e := range in.EntityMetricData {
		n += len(e.MetricData)
	}
	switch {
	case len(in.EntityMetricData) > entitiesMax:
		return invalidValue("The collection EntityMetricData must not have a size greater than %d.", entitiesMax)
	case n > datumsMax:
		return invalidValue("The collection MetricData must not have a size greater than %d.", datumsMax)
	case n == 0:
		return missingParameter("At least one MetricDatum object must be present in the request.") // recorded
	default:
		return nil
	}
}

// entityTypes are the types of entities. AWS: Entity, API reference, KeyAttributes.
var entityTypes = []string{"Service", "RemoteService", "AWS::Service", "Resource", "AWS::Resource"}

// checkEntities checks entities; StrictEntityValidation must be set if there are any. AWS: recorded.
func checkEntities(in *sdk.PutMetricDataInput) error {
	if len(in.EntityMetricData) > 0 && in.StrictEntityValidation == nil {
		return invalidCombination("Field StrictEntityValidation is required when setting EntityMetricData")
	}
	for i := range in.EntityMetricData {
		e := in.EntityMetricData[i].Entity
		if *in.StrictEntityValidation && (e == nil || !slices.Contains(entityTypes, e.KeyAttributes["Type"])) {
			return invalidValue("InvalidTypeValue: Unknown entity type")
		}
	}
	return nil
}

// batch collects a call's datums and their errors.
type batch struct {
	now       time.Time
	namespace string
	data      []metric.Datum
	first     *awsapi.Error
	texts     []string
}

// refusal lists every datum with the same error as the first refused one, one per line. AWS: recorded.
func (b *batch) refusal() error {
	if b.first == nil {
		return nil
	}
	b.first.Message = strings.Join(b.texts, "\n")
	return b.first
}

func (b *batch) add(in []types.MetricDatum, entity int) {
	for i := range in {
		at := place{entity, i + 1}
		d, err := b.datum(&in[i], at)
		var e *awsapi.Error
		if errors.As(err, &e) {
			if b.first == nil {
				b.first = e
			}
			if e.Code == b.first.Code {
				b.texts = append(b.texts, e.Message)
			}
			continue
		}
		b.data = append(b.data, d)
	}
}

// place is the position of a datum in refusals; its text is only built for an error.
type place struct{ entity, item int }

// String returns the position in the notation of Query requests.
func (p place) String() string {
	if p.entity > 0 {
		return fmt.Sprintf("EntityMetricData.member.%d.MetricData.member.%d", p.entity, p.item)
	}
	return fmt.Sprintf("MetricData.member.%d", p.item)
}

// datum checks one element.
func (b *batch) datum(in *types.MetricDatum, at place) (metric.Datum, error) {
	var d metric.Datum
	if err := checkDimensions(in.Dimensions, at); err != nil {
		return d, err
	}
	d = metric.Datum{
		ID: metric.NewID(b.namespace, *in.MetricName, dimensions(in.Dimensions)...), At: b.now, Resolution: metric.StandardResolution, Unit: "None",
	}
	if in.Timestamp != nil {
		d.At = *in.Timestamp
	}
	switch {
	case d.At.Before(b.now.Add(-oldest)):
		return d, invalidValue("The parameter %s.Timestamp must specify a time within the past two weeks.", at) // AWS: recorded
	case d.At.After(b.now.Add(newest)):
		return d, invalidValue("The parameter %s.Timestamp must specify a time no more than two hours in the future.", at)
	}
	if in.Unit != "" {
		d.Unit = string(in.Unit)
	}
	switch resolution := aws.ToInt32(in.StorageResolution); {
	case resolution == 1:
		d.Resolution = metric.HighResolution
	case resolution != 60 && in.StorageResolution != nil:
		return d, invalidValue("The parameter %s.StorageResolution must be a value in the set [ 1, 60 ].", at) // AWS: recorded
	}
	return d, summarize(&d.Summary, in, at)
}

// plainText reports whether a text consists of printable ASCII characters, at least one of them not blank.
func plainText(text string) bool {
	blank := true
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
		blank = blank && text[i] == ' '
	}
	return !blank
}

// checkDimensions checks dimensions; at is the position of their datum. AWS: Dimension, API reference.
func checkDimensions[P place | string](ds []types.Dimension, at P) error {
	if len(ds) > dimensionsMax {
		return invalidValue("The collection %s.Dimensions must not have a size greater than %d.", at, dimensionsMax)
	}
	for i := range ds {
		name, value := *ds[i].Name, *ds[i].Value
		if !plainText(name) || name[0] == ':' {
			return invalidValue("The value %s for parameter %s.Dimensions.member.%d.Name is invalid.", name, at, i+1)
		}
		if !plainText(value) {
			return invalidValue("The value %s for parameter %s.Dimensions.member.%d.Value is invalid.", value, at, i+1)
		}
		for j := range i {
			if *ds[j].Name == name {
				return invalidValue("No metric may specify the same dimension name twice.") // AWS: recorded
			}
		}
	}
	return nil
}
