package metric

import "time"

// Datum is what one element of PutMetricData records: samples of a metric at one time.
type Datum struct {
	ID         ID
	At         time.Time
	Resolution time.Duration // HighResolution or StandardResolution
	Unit       string        // "None" where the caller names none
	Summary    Summary
}
