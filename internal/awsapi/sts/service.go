// Package sts implements the two calls by which clients identify themselves: STS GetCallerIdentity and IAM GetRole. The caller is
// always an assumed role, so that the SageMaker Python SDK finds an execution role.
package sts

import (
	"context"
	"strings"
	"time"

	"bellows.dev/bellows/internal/awsapi"
)

// RoleName is the assumed role of every caller.
const RoleName = "BellowsExecutionRole"

// GetCallerIdentityInput is empty.
type GetCallerIdentityInput struct{}

// GetCallerIdentityOutput identifies the caller. AWS: STS API reference.
type GetCallerIdentityOutput struct {
	Arn     *string
	UserId  *string // the name on the wire
	Account *string
}

// GetRoleInput contains the name of a role.
type GetRoleInput struct{ RoleName *string }

// GetRoleOutput contains the role. AWS: IAM API reference.
type GetRoleOutput struct{ Role *Role }

// Role is an IAM role.
type Role struct {
	Path                     *string
	RoleName                 *string
	RoleId                   *string // the name on the wire
	Arn                      *string
	CreateDate               *time.Time
	AssumeRolePolicyDocument *string
	MaxSessionDuration       *int32
}

// New returns the STS service.
func New() *awsapi.Service {
	s := &awsapi.Service{Name: "STS", Signing: "sts", Version: "2011-06-15", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/"}
	awsapi.Handle(s, "GetCallerIdentity", getCallerIdentity)
	return s
}

// NewIAM returns the IAM service, which has only GetRole. created is the creation date of the role.
func NewIAM(created time.Time) *awsapi.Service {
	s := &awsapi.Service{Name: "IAM", Signing: "iam", Version: "2010-05-08", Namespace: "https://iam.amazonaws.com/doc/2010-05-08/"}
	awsapi.Handle(s, "GetRole", func(_ context.Context, c awsapi.Call, in *GetRoleInput) (*GetRoleOutput, error) {
		return getRole(c, in, created)
	})
	return s
}

func getCallerIdentity(_ context.Context, c awsapi.Call, _ *GetCallerIdentityInput) (*GetCallerIdentityOutput, error) {
	session := c.AccessKeyID
	if session == "" {
		session = "anonymous"
	}
	arn := "arn:aws:sts::" + c.Account + ":assumed-role/" + RoleName + "/" + session
	id := roleID + ":" + session
	return &GetCallerIdentityOutput{Arn: &arn, UserId: &id, Account: &c.Account}, nil
}

// roleID has the format of the unique ID of a role.
const roleID = "AROABELLOWSEXECUTION1"

// trust is a trust policy, percent-encoded as IAM returns it.
const trust = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22" +
	"Service%22%3A%22sagemaker.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D"

func getRole(c awsapi.Call, in *GetRoleInput, created time.Time) (*GetRoleOutput, error) {
	name := RoleName
	if in.RoleName != nil {
		name = *in.RoleName
	}
	if name != RoleName && !strings.HasPrefix(name, "AWSServiceRoleFor") {
		return nil, &awsapi.Error{Code: "NoSuchEntity", Status: 404, Message: "The role with name " + name + " cannot be found."}
	}
	path, id, document := "/", roleID, trust
	arn := "arn:aws:iam::" + c.Account + ":role/" + name
	session := int32(3600)
	return &GetRoleOutput{Role: &Role{
		Path: &path, RoleName: &name, RoleId: &id, Arn: &arn, CreateDate: &created, AssumeRolePolicyDocument: &document,
		MaxSessionDuration: &session,
	}}, nil
}
