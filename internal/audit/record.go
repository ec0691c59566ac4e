// Package audit keeps a record of what was changed, by whom, from where and with what result, and of what was refused: in files of JSON lines in the
// data directory, beside the journal and bounded. Members have the names of AWS CloudTrail's records.
//
//	l, err := audit.Open(audit.Options{Dir: dir, …})
//	go l.Run(ctx)
//	l.Add(record) // does not wait for the disk
//	page, err := l.Query(audit.Query{Account: account, Limit: 100})
package audit

import (
	"encoding/json"
	"time"
)

// Types of events. AWS: CloudTrail record contents, eventType.
const (
	TypeCall   = "AwsApiCall"
	TypeAction = "AwsConsoleAction" // not an operation of an AWS API
	TypeSignIn = "AwsConsoleSignIn"
)

// Record is one event. AWS: CloudTrail record contents for management events. Where CloudTrail has no member for something, the member is in
// AdditionalEventData.
type Record struct {
	EventVersion string    `json:"eventVersion"`
	EventID      string    `json:"eventID"`
	EventTime    time.Time `json:"eventTime"` // policy time
	EventType    string    `json:"eventType"`
	EventSource  string    `json:"eventSource"` // the service, such as sagemaker.amazonaws.com
	EventName    string    `json:"eventName"`   // the operation
	AWSRegion    string    `json:"awsRegion"`

	UserIdentity UserIdentity `json:"userIdentity"`
	SourceIP     string       `json:"sourceIPAddress"`
	UserAgent    string       `json:"userAgent,omitempty"`
	TLS          *TLS         `json:"tlsDetails,omitempty"`
	FromConsole  string       `json:"sessionCredentialFromConsole,omitempty"` // "true" for calls from the console

	RequestID    string          `json:"requestID,omitempty"`
	Request      json.RawMessage `json:"requestParameters,omitempty"` // without secrets
	Response     json.RawMessage `json:"responseElements,omitempty"`  // of changes that make something
	Resources    []Resource      `json:"resources,omitempty"`
	ErrorCode    string          `json:"errorCode,omitempty"`
	ErrorMessage string          `json:"errorMessage,omitempty"`
	ReadOnly     bool            `json:"readOnly"` // the operation changes nothing; it is here because it was refused
	Additional   map[string]any  `json:"additionalEventData,omitempty"`

	Recipient string `json:"recipientAccountId"` // the account whose keys see the record
}

// UserIdentity is who made a request. AWS: CloudTrail userIdentity element.
type UserIdentity struct {
	Type        string `json:"type"` // IAMUser; Unknown where no valid key was used
	ARN         string `json:"arn,omitempty"`
	AccountID   string `json:"accountId,omitempty"`
	AccessKeyID string `json:"accessKeyId,omitempty"` // as claimed, where the type is Unknown
	UserName    string `json:"userName,omitempty"`
}

// TLS is how a request was protected; a Record has none where it came in plain HTTP.
type TLS struct {
	Version string `json:"tlsVersion"`
	Cipher  string `json:"cipherSuite"`
}

// Resource is what a request was about.
type Resource struct {
	ARN string `json:"ARN"`
}

// Lost is the member of AdditionalEventData with the number of records before this one that were not kept: refusals beyond the rate, or what could
// not be written.
const Lost = "recordsNotKept"
