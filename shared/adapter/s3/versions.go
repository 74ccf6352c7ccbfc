package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Versions yields all versions of the objects whose keys begin with prefix, and the delete markers. It ends with the first
// error. Versions that are written or removed meanwhile may be among them or not.
func (b *Bucket) Versions(ctx context.Context, prefix string) iter.Seq2[aurora.ObjectVersion, error] {
	return func(yield func(aurora.ObjectVersion, error) bool) {
		client, err := b.client()
		if err != nil {
			yield(aurora.ObjectVersion{}, err)
			return
		}
		pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(aurora.ObjectVersion{}, fmt.Errorf("list versions of %s: %w", prefix, err))
				return
			}
			for _, v := range page.Versions {
				if !yield(aurora.ObjectVersion{Key: aws.ToString(v.Key), ID: aws.ToString(v.VersionId), ETag: aws.ToString(v.ETag), Current: aws.ToBool(v.IsLatest),
					Written: aws.ToTime(v.LastModified)}, nil) {
					return
				}
			}
			for _, m := range page.DeleteMarkers {
				if !yield(aurora.ObjectVersion{Key: aws.ToString(m.Key), ID: aws.ToString(m.VersionId), Current: aws.ToBool(m.IsLatest), DeleteMarker: true,
					Written: aws.ToTime(m.LastModified)}, nil) {
					return
				}
			}
		}
	}
}

// ReadVersion returns the content of a version. A missing version is a fault.NotFound.
func (b *Bucket) ReadVersion(ctx context.Context, v aurora.ObjectVersion) ([]byte, error) {
	object, err := b.getVersion(ctx, v)
	if err != nil {
		return nil, err
	}
	defer func() { _ = object.Body.Close() }()
	body, err := io.ReadAll(object.Body)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", v.Key, err)
	}
	return body, nil
}

func (b *Bucket) getVersion(ctx context.Context, v aurora.ObjectVersion) (*s3.GetObjectOutput, error) {
	client, err := b.client()
	if err != nil {
		return nil, err
	}
	object, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &v.Key, VersionId: &v.ID})
	if httpStatus(err) == http.StatusNotFound {
		return nil, fault.New(fault.NotFound, "There is no such object.").Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", v.Key, err)
	}
	return object, nil
}

// Replace writes other content over the current version of an object, with the same type and metadata: the hash in the
// metadata stays the one of the content that was sent first, so that the same report sent again still counts as stored. The
// version before it stays as a noncurrent one. If v is not the current version any more, the error is a fault.Conflict.
func (b *Bucket) Replace(ctx context.Context, v aurora.ObjectVersion, body []byte) error {
	object, err := b.getVersion(ctx, v)
	if err != nil {
		return err
	}
	_ = object.Body.Close() // only the header is needed
	client, err := b.client()
	if err != nil {
		return err
	}
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: &v.Key, Body: bytes.NewReader(body), ContentType: object.ContentType,
		Metadata: object.Metadata, IfMatch: &v.ETag})
	if s := httpStatus(err); s == http.StatusPreconditionFailed || s == http.StatusNotFound {
		return fault.New(fault.Conflict, "The object was changed meanwhile.").Because(err)
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", v.Key, err)
	}
	return nil
}

// RemoveVersion removes one version of an object, or a delete marker, for good. A missing one is no error.
func (b *Bucket) RemoveVersion(ctx context.Context, v aurora.ObjectVersion) error {
	client, err := b.client()
	if err != nil {
		return err
	}
	if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &v.Key, VersionId: &v.ID}); err != nil {
		return fmt.Errorf("remove a version of %s: %w", v.Key, err)
	}
	return nil
}

// Remove removes all versions of one object for good.
func (b *Bucket) Remove(ctx context.Context, key string) error {
	for v, err := range b.Versions(ctx, key) {
		if err == nil && v.Key == key {
			err = b.RemoveVersion(ctx, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
