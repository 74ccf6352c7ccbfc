package fakesecretsmanager

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, path string) (*client.Client, func()) {
	t.Helper()
	server, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	transport := &http.Transport{}
	c := client.New(client.Options{Region: "us-east-1", BaseEndpoint: aws.String(web.URL), HTTPClient: &http.Client{Transport: transport},
		Retryer: aws.NopRetryer{}, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		})})
	return c, func() {
		transport.CloseIdleConnections()
		web.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.db")
	c, stop := open(t, path)
	ctx := t.Context()
	var missing *types.ResourceNotFoundException
	if _, err := c.GetSecretValue(ctx, &client.GetSecretValueInput{SecretId: aws.String("aurora/test/api")}); !errors.As(err, &missing) {
		t.Errorf("reading a secret that is missing: error %v, want ResourceNotFoundException", err)
	}
	created, err := c.CreateSecret(ctx, &client.CreateSecretInput{Name: aws.String("aurora/test/api")})
	if err != nil || !strings.HasPrefix(*created.ARN, "arn:aws:secretsmanager:us-east-1:000000000000:secret:aurora/test/api-") {
		t.Fatalf("created %+v, error %v; want an ARN with the name", created, err)
	}
	var exists *types.ResourceExistsException
	if _, err := c.CreateSecret(ctx, &client.CreateSecretInput{Name: aws.String("aurora/test/api")}); !errors.As(err, &exists) {
		t.Errorf("creating it again: error %v, want ResourceExistsException", err)
	}
	if _, err := c.GetSecretValue(ctx, &client.GetSecretValueInput{SecretId: created.ARN}); !errors.As(err, &missing) {
		t.Errorf("reading a secret without a value: error %v, want ResourceNotFoundException", err)
	}
	for _, value := range []string{"one", "two", "three"} {
		if _, err := c.PutSecretValue(ctx, &client.PutSecretValueInput{SecretId: created.ARN, SecretString: aws.String(value)}); err != nil {
			t.Fatal(err)
		}
	}
	stop()

	c, stop = open(t, path)
	defer stop()
	arn := *created.ARN
	for _, id := range []string{"aurora/test/api", arn, arn[:len(arn)-7]} {
		got, err := c.GetSecretValue(ctx, &client.GetSecretValueInput{SecretId: aws.String(id)})
		if err != nil || *got.SecretString != "three" || *got.ARN != arn || got.CreatedDate == nil {
			t.Errorf("%s: got %+v, error %v; want the value \"three\"", id, got, err)
		}
	}
	if _, err := c.GetSecretValue(ctx, &client.GetSecretValueInput{SecretId: aws.String(arn[:len(arn)-1] + "x")}); !errors.As(err, &missing) {
		t.Errorf("an ARN with another suffix: error %v, want ResourceNotFoundException", err)
	}
	previous, err := c.GetSecretValue(ctx, &client.GetSecretValueInput{SecretId: aws.String(arn), VersionStage: aws.String("AWSPREVIOUS")})
	if err != nil || *previous.SecretString != "two" {
		t.Errorf("AWSPREVIOUS: got %+v, error %v; want the value \"two\"", previous, err)
	}
	described, err := c.DescribeSecret(ctx, &client.DescribeSecretInput{SecretId: aws.String(arn)})
	if err != nil || *described.Name != "aurora/test/api" || len(described.VersionIdsToStages) != 2 {
		t.Errorf("described %+v, error %v; want two versions", described, err)
	}
	if _, err := c.CreateSecret(ctx, &client.CreateSecretInput{Name: aws.String("aurora/test/binary"), SecretBinary: []byte{0, 255}}); err != nil {
		t.Fatal(err)
	}
	listed, err := c.ListSecrets(ctx, &client.ListSecretsInput{})
	if err != nil || len(listed.SecretList) != 2 {
		t.Errorf("listed %+v, error %v; want two secrets", listed, err)
	}
	binary, err := c.GetSecretValue(ctx, &client.GetSecretValueInput{SecretId: aws.String("aurora/test/binary")})
	if err != nil || string(binary.SecretBinary) != "\x00\xff" || binary.SecretString != nil {
		t.Errorf("binary secret: got %+v, error %v; want the bytes 0 and 255", binary, err)
	}
}

// TestLabels checks the rules of UpdateSecretVersionStage: a label moves only from the version that the request names.
func TestLabels(t *testing.T) {
	c, stop := open(t, filepath.Join(t.TempDir(), "secrets.db"))
	defer stop()
	ctx, name := t.Context(), aws.String("aurora/test/api")
	first, err := c.CreateSecret(ctx, &client.CreateSecretInput{Name: name, SecretString: aws.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	pending, err := c.PutSecretValue(ctx, &client.PutSecretValueInput{SecretId: name, SecretString: aws.String("two"), VersionStages: []string{"PENDING"}})
	if err != nil {
		t.Fatal(err)
	}
	value := func() string {
		got, err := c.GetSecretValue(ctx, &client.GetSecretValueInput{SecretId: name})
		if err != nil {
			t.Fatal(err)
		}
		return *got.SecretString
	}
	move := func(from *string) error {
		_, err := c.UpdateSecretVersionStage(ctx, &client.UpdateSecretVersionStageInput{SecretId: name, VersionStage: aws.String("AWSCURRENT"),
			MoveToVersionId: pending.VersionId, RemoveFromVersionId: from})
		return err
	}
	var invalid *types.InvalidParameterException
	for _, wrong := range []*string{nil, pending.VersionId} {
		if err := move(wrong); !errors.As(err, &invalid) || value() != "one" {
			t.Errorf("from %q: error %v, value %q; want InvalidParameterException and no change", aws.ToString(wrong), err, value())
		}
	}
	if err := move(first.VersionId); err != nil || value() != "two" {
		t.Errorf("from the current version: error %v, value %q; want two", err, value())
	}
	previous, err := c.GetSecretValue(ctx, &client.GetSecretValueInput{SecretId: name, VersionStage: aws.String("AWSPREVIOUS")})
	if err != nil || *previous.SecretString != "one" {
		t.Errorf("the previous value: %+v, %v; want one", previous, err)
	}
}
