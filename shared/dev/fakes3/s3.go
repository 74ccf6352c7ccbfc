package fakes3

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3bolt"
	bolt "go.etcd.io/bbolt"
)

// Store is gofakes3's bolt backend with reads that are copied.
//
// The backend's own GetObject and HeadObject return slices of bolt's memory map after their transaction has ended. A
// concurrent write changes or unmaps that memory, and the process dies of SIGSEGV (seen with 50 concurrent reports). Store
// copies the data while no write can run.
type Store struct {
	gofakes3.Backend
	db *bolt.DB
	mu sync.RWMutex
}

// Open opens the store in a file and creates it if necessary. As in the other fakes, data survives the end of the process
// but not a power failure.
func Open(path string) (*Store, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, NoSync: true, NoFreelistSync: true})
	if err != nil {
		return nil, fmt.Errorf("opening the objects: %w", err)
	}
	return &Store{Backend: s3bolt.New(db), db: db}, nil
}

// Handler serves the store as S3 does.
func (s *Store) Handler() http.Handler {
	return gofakes3.New(s, gofakes3.WithTimeSkewLimit(0)).Server()
}

// Close closes the store.
func (s *Store) Close() error {
	_ = s.db.Sync() // Close reports errors
	return s.db.Close()
}

// View reads the same file beside the backend.
func (s *Store) View(do func(*bolt.Tx) error) error { return s.db.View(do) }

// Serve returns an empty store with one bucket. It is closed at the end of the test.
func Serve(t testing.TB, bucket string) http.Handler {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "s3"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}

// Update writes to the same file beside the backend.
func (s *Store) Update(do func(*bolt.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db.Update(do)
}

// GetObject reads an object, or a range of it.
func (s *Store) GetObject(bucket, key string, asked *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
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
	if asked != nil {
		removeChecksums(object.Metadata)
	}
	return object, nil
}

// removeChecksums removes the checksums from the headers of a part of an object. They are those of the whole object, and a client
// that checks them against the part rejects it. S3 sends none with a part.
func removeChecksums(headers map[string]string) {
	maps.DeleteFunc(headers, func(name, _ string) bool { return strings.HasPrefix(strings.ToLower(name), "x-amz-checksum-") })
}

// HeadObject reads the metadata of an object.
func (s *Store) HeadObject(bucket, key string) (*gofakes3.Object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	object, err := s.Backend.HeadObject(bucket, key)
	if err != nil {
		return nil, err
	}
	object.Hash = slices.Clone(object.Hash)
	return object, nil
}

// PutObject reads the whole body before it takes the lock.
func (s *Store) PutObject(bucket, key string, meta map[string]string, input io.Reader, size int64, conditions *gofakes3.PutConditions) (gofakes3.PutObjectResult, error) {
	body, err := gofakes3.ReadAll(input, size)
	if err != nil {
		return gofakes3.PutObjectResult{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := s.change(bucket, key, func() error {
		_, err := s.Backend.PutObject(bucket, key, meta, bytes.NewReader(body), size, conditions)
		return err
	}, false)
	return gofakes3.PutObjectResult{VersionID: id}, err
}

// CopyObject copies within the store.
func (s *Store) CopyObject(fromBucket, fromKey, toBucket, toKey string, meta map[string]string) (gofakes3.CopyObjectResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var result gofakes3.CopyObjectResult
	_, err := s.change(toBucket, toKey, func() (err error) {
		result, err = s.Backend.CopyObject(fromBucket, fromKey, toBucket, toKey, meta)
		return err
	}, false)
	return result, err
}

// DeleteObject deletes an object.
func (s *Store) DeleteObject(bucket, key string) (gofakes3.ObjectDeleteResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var result gofakes3.ObjectDeleteResult
	id, err := s.change(bucket, key, func() (err error) {
		result, err = s.Backend.DeleteObject(bucket, key)
		return err
	}, true)
	result.VersionID, result.IsDeleteMarker = id, id != ""
	return result, err
}

// CreateBucket creates a bucket.
func (s *Store) CreateBucket(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Backend.CreateBucket(name)
}

// DeleteBucket deletes an empty bucket.
func (s *Store) DeleteBucket(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Backend.DeleteBucket(name)
}

// ForceDeleteBucket deletes a bucket and its objects.
func (s *Store) ForceDeleteBucket(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Backend.ForceDeleteBucket(name)
}
