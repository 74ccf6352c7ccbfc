package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"example.com/aurora/shared/dev/fakes3"
)

// objectStore is S3: gofakes3 on disk, with the notifications that it lacks.
type objectStore struct {
	store         *fakes3.Store
	fake          http.Handler
	notifications []notification
	publish       func(ctx context.Context, queueARN string, body []byte) error
	printf        func(format string, args ...any)
	now           func() time.Time
	counter       atomic.Uint64
}

// notification is one of a bucket's rules: objects whose key fits are told to a queue.
type notification struct {
	bucket, id, event, queue string
	prefix, suffix           string
}

// pendingBucketName holds, until it is told, every object that a rule fits: what is left there was written by a run that died
// between storing and telling.
var pendingBucketName = []byte("aurora-pending-notifications")

// openObjectStore opens the store.
func openObjectStore(path string, now func() time.Time) (*objectStore, error) {
	store, err := fakes3.Open(path)
	if err != nil {
		return nil, err
	}
	return &objectStore{store: store, now: now, fake: store.Handler()}, nil
}

// Close closes the store.
func (o *objectStore) Close() error { return o.store.Close() }

// ServeHTTP serves S3.
func (o *objectStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") && strings.HasSuffix(r.Header.Get("X-Amz-Content-Sha256"), "-TRAILER") {
		// gofakes3 would store the framing as if it were the object.
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusNotImplemented)
		_, _ = fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>NotImplemented</Code>`+
			`<Message>Unsigned payloads with a trailing checksum are not served here: send the body from a seekable reader.</Message></Error>`)
		return
	}
	bucket, key, event := createdObject(r)
	rule := o.notificationFor(bucket, key, event)
	if rule == nil {
		o.fake.ServeHTTP(w, r)
		return
	}
	mark, err := o.savePending(bucket, key, event)
	if err != nil {
		http.Error(w, "the notification could not be kept", http.StatusServiceUnavailable)
		return
	}
	answer := newRecordedResponse()
	o.fake.ServeHTTP(answer, r)
	told := true
	if answer.code == http.StatusOK {
		// The caller may hang up; the object is stored all the same, and must be told.
		told = o.notify(context.WithoutCancel(r.Context()), rule, bucket, key, event)
	}
	if told {
		o.deletePending(mark)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.code)
	_, _ = w.Write(answer.body.Bytes())
}

// recordedResponse is an answer that is not sent yet.
type recordedResponse struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func newRecordedResponse() *recordedResponse {
	return &recordedResponse{header: http.Header{}, code: http.StatusOK}
}

func (c *recordedResponse) Header() http.Header         { return c.header }
func (c *recordedResponse) WriteHeader(code int)        { c.code = code }
func (c *recordedResponse) Write(p []byte) (int, error) { return c.body.Write(p) }

// createdObject reads which object a request makes, if it makes one.
func createdObject(r *http.Request) (bucket, key, event string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	switch {
	case key == "":
		return "", "", ""
	case r.Method == http.MethodPost && query.Has("uploadId"):
		return bucket, key, "ObjectCreated:CompleteMultipartUpload"
	case r.Method != http.MethodPut || query.Has("uploadId") || query.Has("tagging") || query.Has("acl"):
		return "", "", ""
	case r.Header.Get("X-Amz-Copy-Source") != "":
		return bucket, key, "ObjectCreated:Copy"
	}
	return bucket, key, "ObjectCreated:Put"
}

func (o *objectStore) notificationFor(bucket, key, event string) *notification {
	for i, n := range o.notifications {
		named := strings.TrimPrefix(n.event, "s3:")
		if event != "" && n.bucket == bucket && strings.HasPrefix(key, n.prefix) && strings.HasSuffix(key, n.suffix) &&
			(named == event || strings.HasSuffix(named, "*") && strings.HasPrefix(event, strings.TrimSuffix(named, "*"))) {
			return &o.notifications[i]
		}
	}
	return nil
}

func (o *objectStore) savePending(bucket, key, event string) ([]byte, error) {
	id := []byte(newID())
	value, err := json.Marshal([]string{bucket, key, event})
	if err != nil {
		return nil, err
	}
	return id, o.store.Update(func(tx *bolt.Tx) error {
		b, err := o.pendingBucket(tx)
		if err != nil {
			return err
		}
		return b.Put(id, value)
	})
}

// pendingBucket are kept inside gofakes3's own metadata bucket, which it never lists as one of S3's.
func (o *objectStore) pendingBucket(tx *bolt.Tx) (*bolt.Bucket, error) {
	meta, err := tx.CreateBucketIfNotExists([]byte("_meta"))
	if err != nil {
		return nil, err
	}
	return meta.CreateBucketIfNotExists(pendingBucketName)
}

func (o *objectStore) deletePending(id []byte) {
	err := o.store.Update(func(tx *bolt.Tx) error {
		b, err := o.pendingBucket(tx)
		if err != nil {
			return err
		}
		return b.Delete(id)
	})
	if err != nil {
		o.printf("forgetting a notification, which will come again: %v", err)
	}
}

// sendPending tells the objects that an earlier run stored and did not tell.
func (o *objectStore) sendPending(ctx context.Context) error {
	left := map[string][]string{}
	err := o.store.Update(func(tx *bolt.Tx) error {
		b, err := o.pendingBucket(tx)
		if err != nil {
			return err
		}
		return b.ForEach(func(id, value []byte) error {
			var object []string
			if err := json.Unmarshal(value, &object); err != nil || len(object) != 3 {
				return fmt.Errorf("a kept notification is malformed: %q", value)
			}
			left[string(id)] = object
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("reading the kept notifications: %w", err)
	}
	for id, object := range left {
		rule := o.notificationFor(object[0], object[1], object[2])
		if rule == nil || o.notify(ctx, rule, object[0], object[1], object[2]) {
			o.deletePending([]byte(id))
		}
	}
	return nil
}

// notify tells a rule's queue about an object. It says false where it has to be told later.
func (o *objectStore) notify(ctx context.Context, rule *notification, bucket, key, event string) bool {
	target := (&url.URL{Path: "/" + bucket + "/" + key}).String()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://127.0.0.1"+target, nil)
	if err != nil {
		o.printf("telling %s about %s: %v", rule.queue, key, err)
		return true // a key that cannot be asked for is never told
	}
	head := newRecordedResponse()
	o.fake.ServeHTTP(head, request)
	if head.code != http.StatusOK {
		return true // it is gone again, or never came
	}
	size, _ := strconv.ParseInt(head.Header().Get("Content-Length"), 10, 64) // gofakes3 always says
	body := o.notificationBody(rule, bucket, key, event, strings.Trim(head.Header().Get("ETag"), `"`), size)
	if err := o.publish(ctx, rule.queue, body); err != nil {
		o.printf("telling %s about %s, which the next start will try again: %v", rule.queue, key, err)
		return false
	}
	return true
}

// notificationBody is a notification as S3 sends it: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func (o *objectStore) notificationBody(rule *notification, bucket, key, event, etag string, size int64) []byte {
	record := map[string]any{
		"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": region, "eventTime": o.now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"eventName": event, "userIdentity": map[string]string{"principalId": "AWS:LOCAL"},
		"requestParameters": map[string]string{"sourceIPAddress": "127.0.0.1"},
		"responseElements":  map[string]string{"x-amz-request-id": newID(), "x-amz-id-2": newID()},
		"s3": map[string]any{
			"s3SchemaVersion": "1.0", "configurationId": rule.id,
			"bucket": map[string]any{"name": bucket, "ownerIdentity": map[string]string{"principalId": "LOCAL"}, "arn": "arn:aws:s3:::" + bucket},
			"object": map[string]any{"key": escapeKey(key), "size": size, "eTag": etag,
				"sequencer": fmt.Sprintf("%016X%04X", o.now().UnixNano(), o.counter.Add(1)&0xffff)},
		},
	}
	b, _ := json.Marshal(map[string]any{"Records": []any{record}}) // maps of scalars always encode
	return b
}

// escapeKey writes a key as notifications do: URL-encoded, a space as +, slashes kept.
func escapeKey(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }

// testNotification is what S3 sends when a rule is made.
func (o *objectStore) testNotification(bucket string) []byte {
	var b bytes.Buffer
	_ = json.NewEncoder(&b).Encode(map[string]string{"Service": "Amazon S3", "Event": "s3:TestEvent", // strings always encode
		"Time": o.now().UTC().Format("2006-01-02T15:04:05.000Z"), "Bucket": bucket, "RequestId": newID(), "HostId": newID()})
	return bytes.TrimSpace(b.Bytes())
}

// doOnce does something the first time in the life of the data folder.
func (o *objectStore) doOnce(name string, do func() error) error {
	key, done := []byte("done "+name), false
	err := o.store.Update(func(tx *bolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists([]byte("_meta"))
		if err != nil {
			return err
		}
		flags, err := meta.CreateBucketIfNotExists([]byte("aurora-done"))
		if err != nil {
			return err
		}
		done = flags.Get(key) != nil
		return nil
	})
	if err != nil || done {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return o.store.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("_meta")).Bucket([]byte("aurora-done")).Put(key, []byte{1})
	})
}

func notificationsOf(t *template, r *resource) []notification {
	name := t.physicalName(r)
	var rules []notification
	for i, v := range toList(toMap(t.resolve(r.properties["NotificationConfiguration"]))["QueueConfigurations"]) {
		entry := toMap(v)
		n := notification{bucket: name, id: fmt.Sprintf("%s-%d", r.logical, i), event: toString(entry["Event"]), queue: toString(entry["Queue"])}
		for _, rule := range toList(toMap(toMap(entry["Filter"])["S3Key"])["Rules"]) {
			switch m := toMap(rule); strings.ToLower(toString(m["Name"])) {
			case "prefix":
				n.prefix = toString(m["Value"])
			case "suffix":
				n.suffix = toString(m["Value"])
			}
		}
		rules = append(rules, n)
	}
	return rules
}
