package s3_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

func TestVersions(t *testing.T) {
	_, config := startS3(t)
	cfg, err := config()
	if err != nil {
		t.Fatal(err)
	}
	_, err = awss3.NewFromConfig(cfg).PutBucketVersioning(t.Context(), &awss3.PutBucketVersioningInput{Bucket: aws.String("reports"),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	if err != nil {
		t.Fatal(err)
	}
	b := s3.New(config, "reports")
	for _, key := range []string{"eoc/a.json", "eoc/a.json~1", "other"} {
		if _, err := b.Create(t.Context(), key, []byte("call +14155550100"), "hash"); err != nil {
			t.Fatal(err)
		}
	}
	first := listVersions(t, b, "eoc/a.json")
	if len(first) != 2 || !first[0].Current || first[0].ID == "" {
		t.Fatalf("the versions are %+v, want one of each object", first)
	}
	if err := b.Replace(t.Context(), first[0], []byte("call [erased]")); err != nil {
		t.Fatal(err)
	}
	if body, _, err := b.Read(t.Context(), "eoc/a.json"); string(body) != "call [erased]" || err != nil {
		t.Errorf("after it was replaced the object is %q, %v", body, err)
	}
	if created, err := b.Create(t.Context(), "eoc/a.json", []byte("call +14155550100"), "hash"); !created || err != nil {
		t.Errorf("the same content sent again: %v, %v; want it to count as stored", created, err)
	}
	if err := b.Replace(t.Context(), first[0], []byte("late")); !fault.Is(err, fault.Conflict) {
		t.Errorf("replacing a version that is not the current one: %v, want a conflict", err)
	}
	if body, err := b.ReadVersion(t.Context(), first[0]); string(body) != "call +14155550100" || err != nil {
		t.Errorf("the version before is %q, %v", body, err)
	}
	if err := b.RemoveVersion(t.Context(), first[0]); err != nil {
		t.Error(err)
	}
	if _, err := b.ReadVersion(t.Context(), first[0]); !fault.Is(err, fault.NotFound) {
		t.Errorf("a version that was removed: %v, want NotFound", err)
	}
	if err := b.Remove(t.Context(), "eoc/a.json"); err != nil {
		t.Error(err)
	}
	if left := listVersions(t, b, "eoc/"); len(left) != 1 || left[0].Key != "eoc/a.json~1" {
		t.Errorf("left are %+v, want the other object", left)
	}
}

func listVersions(t *testing.T, b *s3.Bucket, prefix string) (all []aurora.ObjectVersion) {
	t.Helper()
	for v, err := range b.Versions(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}
