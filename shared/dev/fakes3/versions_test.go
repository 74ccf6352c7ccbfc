package fakes3_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"example.com/aurora/shared/dev/fakes3"
)

// TestVersions plays what S3 does with versions and delete markers:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html
func TestVersions(t *testing.T) {
	store, err := fakes3.Open(filepath.Join(t.TempDir(), "s3"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	server := httptest.NewServer(store.Handler())
	defer server.Close()
	client := s3.New(s3.Options{BaseEndpoint: aws.String(server.URL), Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")})
	v := versioned{t, client}
	bucket := aws.String("calls")
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	v.put("a/1", "before the versions")
	if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
		t.Fatal(err)
	}
	v.put("a/1", "one")
	v.put("a/1", "two")
	v.put("b/2", "other")
	v.check("after three writes", "a/1=two* a/1=one a/1=before the versions b/2=other*")
	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("a/1")}); err != nil {
		t.Fatal(err)
	}
	v.check("after a delete", "a/1=deleted* a/1=two a/1=one a/1=before the versions b/2=other*")
	v.remove(0)
	v.check("without the delete marker", "a/1=two* a/1=one a/1=before the versions b/2=other*")
	v.remove(1)
	v.check("without a noncurrent version", "a/1=two* a/1=before the versions b/2=other*")
	v.remove(0)
	v.check("without the current version", "a/1=before the versions* b/2=other*")
	v.remove(0)
	v.check("without any version", "b/2=other*")
	buckets, err := client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil || len(buckets.Buckets) != 1 {
		t.Errorf("the buckets are %v, %v; want one", buckets, err)
	}
}

type versioned struct {
	*testing.T
	client *s3.Client
}

func (v versioned) put(key, body string) {
	v.Helper()
	if _, err := v.client.PutObject(v.Context(), &s3.PutObjectInput{Bucket: aws.String("calls"), Key: &key, Body: strings.NewReader(body)}); err != nil {
		v.Fatal(err)
	}
}

// list returns the versions in pages of two, as "key=content", a * behind the current one, and their ids.
func (v versioned) list() (shown []string, keys, ids []string) {
	v.Helper()
	type entry struct{ key, id, text string }
	pages := s3.NewListObjectVersionsPaginator(v.client, &s3.ListObjectVersionsInput{Bucket: aws.String("calls"), MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(v.Context())
		if err != nil {
			v.Fatal(err)
		}
		var entries []entry
		for _, o := range page.Versions {
			entries = append(entries, entry{*o.Key, *o.VersionId, fmt.Sprintf("%s=%s%s", *o.Key, v.read(*o.Key, *o.VersionId), map[bool]string{true: "*"}[*o.IsLatest])})
		}
		for _, m := range page.DeleteMarkers {
			entries = append(entries, entry{*m.Key, *m.VersionId, fmt.Sprintf("%s=deleted%s", *m.Key, map[bool]string{true: "*"}[*m.IsLatest])})
		}
		slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key+b.id, b.key+a.id) })
		for _, e := range entries {
			shown, keys, ids = append(shown, e.text), append(keys, e.key), append(ids, e.id)
		}
	}
	return shown, keys, ids
}

func (v versioned) read(key, id string) string {
	v.Helper()
	object, err := v.client.GetObject(v.Context(), &s3.GetObjectInput{Bucket: aws.String("calls"), Key: &key, VersionId: &id})
	if err != nil {
		v.Fatal(err)
	}
	body, err := io.ReadAll(object.Body)
	if err != nil {
		v.Fatal(err)
	}
	return string(body)
}

// remove deletes the version at a place of the list for good.
func (v versioned) remove(at int) {
	v.Helper()
	_, keys, ids := v.list()
	if _, err := v.client.DeleteObject(v.Context(), &s3.DeleteObjectInput{Bucket: aws.String("calls"), Key: &keys[at], VersionId: &ids[at]}); err != nil {
		v.Fatal(err)
	}
}

func (v versioned) check(when, want string) {
	v.Helper()
	if shown, _, _ := v.list(); strings.Join(shown, " ") != want {
		v.Errorf("%s the versions are %q, want %q", when, strings.Join(shown, " "), want)
	}
}

// TestPartOfAnObjectHasNoChecksum reads a part with a client that checks checksums: that of the whole object would not fit.
func TestPartOfAnObjectHasNoChecksum(t *testing.T) {
	server := httptest.NewServer(fakes3.Serve(t, "calls"))
	defer server.Close()
	client := s3.New(s3.Options{BaseEndpoint: aws.String(server.URL), Region: "us-east-1", UsePathStyle: true,
		Credentials:                credentials.NewStaticCredentialsProvider("local", "local", ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported})
	bucket, key := aws.String("calls"), aws.String("a")
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("a whole object")}); err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{"": "a whole object", "bytes=2-6": "whole", "bytes=-6": "object"} {
		in := &s3.GetObjectInput{Bucket: bucket, Key: key}
		if asked != "" {
			in.Range = &asked
		}
		out, err := client.GetObject(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(out.Body)
		if err != nil || string(body) != want || (out.ChecksumCRC32 != nil) != (asked == "") {
			t.Errorf("range %q: %q, %v, checksum %q; want %q, and a checksum of the whole object only", asked, body, err, aws.ToString(out.ChecksumCRC32), want)
		}
	}
}
