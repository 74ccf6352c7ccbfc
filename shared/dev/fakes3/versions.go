package fakes3

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/johannesboyne/gofakes3"
	bolt "go.etcd.io/bbolt"
)

// The versions of a bucket lie in two places. The current version of an object is where gofakes3's backend has it. The
// noncurrent ones and the delete markers are in a second bucket of the backend, under the object's key, a zero byte and the
// inverted number of the version, so that the newest of a key comes first. _meta has the numbers of the current versions.
// The name of a bucket of S3 has no underscore, so that the second bucket is never another one's.
const (
	versionsPrefix = "_versions."
	numbersPrefix  = "aurora-versions."
	markerSuffix   = "m"
)

var metaBucket = []byte("_meta")

var _ gofakes3.VersionedBackend = (*Store)(nil)

// version is one version of an object, or a delete marker.
type version struct {
	key     string
	number  uint64 // 0 for an object that is older than the versioning of its bucket
	marker  bool
	current bool
	content *gofakes3.Content
}

func (v version) id() gofakes3.VersionID { return gofakes3.VersionID(fmt.Sprintf("%016x", v.number)) }

// storedKey returns the key of a version in the second bucket.
func (v version) storedKey() string {
	key := fmt.Sprintf("%s\x00%016x", v.key, ^v.number)
	if v.marker {
		key += markerSuffix
	}
	return key
}

func parseStoredKey(stored string) (v version, ok bool) {
	i := strings.LastIndexByte(stored, 0)
	if i < 0 {
		return v, false
	}
	digits, marker := strings.CutSuffix(stored[i+1:], markerSuffix)
	inverted, err := strconv.ParseUint(digits, 16, 64)
	return version{key: stored[:i], number: ^inverted, marker: marker}, err == nil
}

// numbers returns the bucket with the numbers of the current versions. It is nil if the bucket is not versioned.
func numbers(tx *bolt.Tx, bucket string) *bolt.Bucket {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return nil
	}
	return meta.Bucket([]byte(numbersPrefix + bucket))
}

// isVersioned reports whether the versioning of a bucket is on.
func (s *Store) isVersioned(bucket string) (versioned bool) {
	_ = s.db.View(func(tx *bolt.Tx) error { // the function does not fail
		versioned = numbers(tx, bucket) != nil
		return nil
	})
	return versioned
}

// VersioningConfiguration says whether versioning is on.
func (s *Store) VersioningConfiguration(bucket string) (c gofakes3.VersioningConfiguration, err error) {
	if s.isVersioned(bucket) {
		c.Status = gofakes3.VersioningEnabled
	}
	return c, nil
}

// SetVersioningConfiguration turns versioning on. It cannot be turned off again.
func (s *Store) SetVersioningConfiguration(bucket string, c gofakes3.VersioningConfiguration) error {
	if c.Status != gofakes3.VersioningEnabled {
		return gofakes3.ErrNotImplemented
	}
	return s.Update(func(tx *bolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists(metaBucket)
		if err != nil {
			return err
		}
		if _, err := meta.CreateBucketIfNotExists([]byte(numbersPrefix + bucket)); err != nil {
			return err
		}
		_, err = tx.CreateBucketIfNotExists([]byte(versionsPrefix + bucket))
		return err
	})
}

// ListBuckets leaves out the buckets of versions.
func (s *Store) ListBuckets() ([]gofakes3.BucketInfo, error) {
	all, err := s.Backend.ListBuckets()
	return slices.DeleteFunc(all, func(b gofakes3.BucketInfo) bool { return strings.HasPrefix(b.Name, versionsPrefix) }), err
}

// change runs a write of an object's current version, and stores the version before it as a noncurrent one. The caller holds
// the lock.
func (s *Store) change(bucket, key string, write func() error, deleted bool) (id gofakes3.VersionID, err error) {
	if !s.isVersioned(bucket) {
		return "", write()
	}
	var before []byte
	v := version{key: key}
	if err := s.db.View(func(tx *bolt.Tx) error {
		if b := tx.Bucket([]byte(bucket)); b != nil {
			before = bytes.Clone(b.Get([]byte(key)))
		}
		v.number = parseNumber(numbers(tx, bucket).Get([]byte(key)))
		return nil
	}); err != nil {
		return "", err
	}
	if err := write(); err != nil {
		return "", err
	}
	err = s.db.Update(func(tx *bolt.Tx) error {
		kept, current := tx.Bucket([]byte(versionsPrefix+bucket)), numbers(tx, bucket)
		if before != nil {
			if err := kept.Put([]byte(v.storedKey()), before); err != nil {
				return err
			}
		}
		if v.number, err = kept.NextSequence(); err != nil {
			return err
		}
		id = v.id()
		if deleted {
			return current.Delete([]byte(key))
		}
		return current.Put([]byte(key), []byte(id))
	})
	if err == nil && deleted {
		v.marker = true
		_, err = s.Backend.PutObject(versionsPrefix+bucket, v.storedKey(), map[string]string{}, strings.NewReader(""), 0, nil)
	}
	return id, err
}

func parseNumber(id []byte) uint64 {
	n, _ := strconv.ParseUint(string(id), 16, 64) // 0 for an object that has no number
	return n
}

// findVersion returns a version of an object and the bucket and key where it lies.
func (s *Store) findVersion(bucket, key string, id gofakes3.VersionID) (v version, at, storedAt string, err error) {
	v, err = version{key: key, number: parseNumber([]byte(id))}, gofakes3.ErrNoSuchVersion
	_ = s.db.View(func(tx *bolt.Tx) error { // the function does not fail
		objects, current, kept := tx.Bucket([]byte(bucket)), numbers(tx, bucket), tx.Bucket([]byte(versionsPrefix+bucket))
		if objects == nil || current == nil || kept == nil {
			return nil
		}
		if objects.Get([]byte(key)) != nil && parseNumber(current.Get([]byte(key))) == v.number {
			at, storedAt, err = bucket, key, nil
			return nil
		}
		for _, v.marker = range []bool{false, true} {
			if at, storedAt = versionsPrefix+bucket, v.storedKey(); kept.Get([]byte(storedAt)) != nil {
				err = nil
				return nil
			}
		}
		return nil
	})
	return v, at, storedAt, err
}

// GetObjectVersion reads a version of an object.
func (s *Store) GetObjectVersion(bucket, key string, id gofakes3.VersionID, asked *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	v, at, storedAt, err := s.findVersion(bucket, key, id)
	if err != nil {
		return nil, err
	}
	object, err := s.GetObject(at, storedAt, asked)
	if err != nil {
		return nil, err
	}
	object.Name, object.VersionID, object.IsDeleteMarker = key, id, v.marker
	return object, nil
}

// HeadObjectVersion reads the metadata of a version.
func (s *Store) HeadObjectVersion(bucket, key string, id gofakes3.VersionID) (*gofakes3.Object, error) {
	return s.GetObjectVersion(bucket, key, id, nil)
}

// DeleteObjectVersion removes a version for good. The newest version that is left is the current one then.
func (s *Store) DeleteObjectVersion(bucket, key string, id gofakes3.VersionID) (gofakes3.ObjectDeleteResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, at, storedAt, err := s.findVersion(bucket, key, id)
	if gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchVersion) {
		return gofakes3.ObjectDeleteResult{}, nil
	}
	if err != nil {
		return gofakes3.ObjectDeleteResult{}, err
	}
	return gofakes3.ObjectDeleteResult{IsDeleteMarker: v.marker, VersionID: id}, s.db.Update(func(tx *bolt.Tx) error {
		if err := tx.Bucket([]byte(at)).Delete([]byte(storedAt)); err != nil {
			return err
		}
		objects, current, kept := tx.Bucket([]byte(bucket)), numbers(tx, bucket), tx.Bucket([]byte(versionsPrefix+bucket))
		if objects.Get([]byte(key)) != nil {
			return nil // a noncurrent version was deleted
		}
		if err := current.Delete([]byte(key)); err != nil {
			return err
		}
		stored, raw := kept.Cursor().Seek([]byte(key + "\x00"))
		next, ok := parseStoredKey(string(stored))
		if !ok || next.key != key || next.marker {
			return nil
		}
		if err := objects.Put([]byte(key), bytes.Clone(raw)); err != nil {
			return err
		}
		if err := kept.Delete(bytes.Clone(stored)); err != nil {
			return err
		}
		return current.Put([]byte(key), []byte(next.id()))
	})
}

// DeleteMultiVersions deletes several versions, and objects where no version is named.
func (s *Store) DeleteMultiVersions(bucket string, objects ...gofakes3.ObjectID) (result gofakes3.MultiDeleteResult, err error) {
	for _, o := range objects {
		if o.VersionID == "" {
			_, err = s.DeleteObject(bucket, o.Key)
		} else {
			_, err = s.DeleteObjectVersion(bucket, o.Key, gofakes3.VersionID(o.VersionID))
		}
		if err != nil {
			return result, err
		}
		result.Deleted = append(result.Deleted, o)
	}
	return result, nil
}

// versions returns all versions of the objects whose keys begin with prefix, by key, the newest of each first.
func (s *Store) versions(bucket, prefix string) ([]version, error) {
	var all []version
	begins := gofakes3.Prefix{HasPrefix: prefix != "", Prefix: prefix}
	live, err := s.Backend.ListBucket(bucket, &begins, gofakes3.ListBucketPage{})
	if err != nil {
		return nil, err
	}
	err = s.db.View(func(tx *bolt.Tx) error {
		current := numbers(tx, bucket)
		for _, c := range live.Contents {
			v := version{key: c.Key, content: c}
			if current != nil {
				v.number = parseNumber(current.Get([]byte(c.Key)))
			}
			all = append(all, v)
		}
		return nil
	})
	if err != nil || !s.isVersioned(bucket) {
		return markCurrent(all), err
	}
	kept, err := s.Backend.ListBucket(versionsPrefix+bucket, &begins, gofakes3.ListBucketPage{})
	if err != nil {
		return nil, err
	}
	for _, c := range kept.Contents {
		if v, ok := parseStoredKey(c.Key); ok {
			v.content = c
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b version) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(b.number, a.number))
	})
	return markCurrent(all), nil
}

// markCurrent marks the newest version of each key.
func markCurrent(all []version) []version {
	for i := range all {
		all[i].current = i == 0 || all[i-1].key != all[i].key
	}
	return all
}

// ListBucketVersions lists the versions of a bucket's objects.
func (s *Store) ListBucketVersions(bucket string, prefix *gofakes3.Prefix, page *gofakes3.ListBucketVersionsPage) (*gofakes3.ListBucketVersionsResult, error) {
	if prefix == nil {
		prefix = &gofakes3.Prefix{}
	}
	if page == nil {
		page = &gofakes3.ListBucketVersionsPage{}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	all, err := s.versions(bucket, prefix.Prefix)
	if err != nil {
		return nil, err
	}
	after := parseNumber([]byte(page.VersionIDMarker))
	all = slices.DeleteFunc(all, func(v version) bool {
		return v.key < page.KeyMarker || page.HasKeyMarker && v.key == page.KeyMarker && (!page.HasVersionIDMarker || v.number >= after)
	})
	result := gofakes3.NewListBucketVersionsResult(bucket, prefix, page)
	for i, v := range all {
		if page.MaxKeys > 0 && int64(i) == page.MaxKeys {
			result.IsTruncated, result.NextKeyMarker, result.NextVersionIDMarker = true, all[i-1].key, all[i-1].id()
			break
		}
		if v.marker {
			result.Versions = append(result.Versions, &gofakes3.DeleteMarker{Key: v.key, VersionID: v.id(), IsLatest: v.current, LastModified: v.content.LastModified})
			continue
		}
		result.Versions = append(result.Versions, &gofakes3.Version{Key: v.key, VersionID: v.id(), IsLatest: v.current, LastModified: v.content.LastModified,
			Size: v.content.Size, ETag: v.content.ETag, StorageClass: gofakes3.StorageStandard})
	}
	return result, nil
}
