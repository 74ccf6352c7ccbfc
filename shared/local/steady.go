package local

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/johannesboyne/gofakes3"
	bolt "go.etcd.io/bbolt"
)

// steady is gofakes3's bolt backend with reads that hold still.
//
// The backend's own GetObject and HeadObject hand out slices of bolt's memory map after the transaction that they came
// from has ended: a write in the meantime puts other bytes there, or unmaps it, and the process dies of SIGSEGV (seen
// with 50 reports at a time). Here what is read is copied while nothing writes.
type steady struct {
	gofakes3.Backend
	mu sync.RWMutex
}

// update writes to the same file beside the backend.
func (s *steady) update(db *bolt.DB, do func(*bolt.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return db.Update(do)
}

// GetObject reads an object, or a range of it.
func (s *steady) GetObject(bucket, key string, asked *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	object, err := s.Backend.GetObject(bucket, key, asked)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(object.Contents)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", key, err)
	}
	object.Contents, object.Hash = io.NopCloser(bytes.NewReader(body)), slices.Clone(object.Hash)
	return object, nil
}

// HeadObject reads what is known of an object.
func (s *steady) HeadObject(bucket, key string) (*gofakes3.Object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	object, err := s.Backend.HeadObject(bucket, key)
	if err != nil {
		return nil, err
	}
	object.Hash = slices.Clone(object.Hash)
	return object, nil
}

// PutObject reads all of the body before it keeps anybody from reading or writing.
func (s *steady) PutObject(bucket, key string, meta map[string]string, input io.Reader, size int64, conditions *gofakes3.PutConditions) (gofakes3.PutObjectResult, error) {
	body, err := gofakes3.ReadAll(input, size)
	if err != nil {
		return gofakes3.PutObjectResult{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Backend.PutObject(bucket, key, meta, bytes.NewReader(body), size, conditions)
}

// CopyObject copies within the store.
func (s *steady) CopyObject(fromBucket, fromKey, toBucket, toKey string, meta map[string]string) (gofakes3.CopyObjectResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Backend.CopyObject(fromBucket, fromKey, toBucket, toKey, meta)
}

// DeleteObject deletes an object.
func (s *steady) DeleteObject(bucket, key string) (gofakes3.ObjectDeleteResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Backend.DeleteObject(bucket, key)
}

// DeleteMulti deletes several objects.
func (s *steady) DeleteMulti(bucket string, keys ...string) (gofakes3.MultiDeleteResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Backend.DeleteMulti(bucket, keys...)
}

// CreateBucket makes a bucket.
func (s *steady) CreateBucket(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Backend.CreateBucket(name)
}

// DeleteBucket deletes an empty bucket.
func (s *steady) DeleteBucket(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Backend.DeleteBucket(name)
}

// ForceDeleteBucket deletes a bucket with all that is in it.
func (s *steady) ForceDeleteBucket(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Backend.ForceDeleteBucket(name)
}
