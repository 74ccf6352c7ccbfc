package testkit

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// AWSConfig returns an AWS configuration for a fake service at this URL. If transport is nil, the SDK's own HTTP client
// is used.
func AWSConfig(url string, transport http.RoundTripper) func() (aws.Config, error) {
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")}
	if transport != nil {
		cfg.HTTPClient = &http.Client{Transport: transport}
	}
	return func() (aws.Config, error) { return cfg, nil }
}
