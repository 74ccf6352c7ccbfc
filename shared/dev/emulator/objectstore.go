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

// objectStore is S3: gofakes3 on disk, plus the event notifications that gofakes3 does not send.
type objectStore struct {
	store         *fakes3.Store
	fake          http.Handler
	notifications []notification
	publish       func(ctx context.Context, queueARN string, body []byte) error
	printf        func(format string, args ...any)
	now           func() time.Time
	counter       atomic.Uint64
}

// notification is one notification rule of a bucket: an event about an object whose key matches goes to a queue.
type notification struct {
	bucket, id, event, queue string
	prefix, suffix           string
}

// pendingBucketName names the bolt bucket of the notifications that are not sent yet. Entries that are there at the start
// were left by a run that died between storing an object and sending its notification.
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
		// gofakes3 would store the chunk framing as part of the object.
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
		http.Error(w, "the notification could not be stored", http.StatusServiceUnavailable)
		return
	}
	answer := newRecordedResponse()
	o.fake.ServeHTTP(answer, r)
	sent := true
	if answer.code == http.StatusOK {
		// The client may hang up. The object is stored, so its notification must be sent.
		sent = o.notify(context.WithoutCancel(r.Context()), rule, bucket, key, event)
	}
	if sent {
		o.deletePending(mark)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.code)
	_, _ = w.Write(answer.body.Bytes())
}

// recordedResponse is a response that is not sent yet.
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

// createdObject returns the object that a request creates, and the event's name. The strings are empty if it creates none.
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

// pendingBucket returns the bolt bucket of pending notifications. It is inside gofakes3's metadata bucket, which gofakes3
// does not list as an S3 bucket.
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
		o.printf("remove a sent notification: %v; the next start sends it again", err)
	}
}

// sendPending sends the notifications that an earlier run stored but did not send.
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
				return fmt.Errorf("a pending notification is malformed: %q", value)
			}
			left[string(id)] = object
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("read the pending notifications: %w", err)
	}
	for id, object := range left {
		rule := o.notificationFor(object[0], object[1], object[2])
		if rule == nil || o.notify(ctx, rule, object[0], object[1], object[2]) {
			o.deletePending([]byte(id))
		}
	}
	return nil
}

// notify sends an event about an object to a rule's queue. It returns false if it has to be sent later.
func (o *objectStore) notify(ctx context.Context, rule *notification, bucket, key, event string) bool {
	target := (&url.URL{Path: "/" + bucket + "/" + key}).String()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://127.0.0.1"+target, nil)
	if err != nil {
		o.printf("notify %s about %s: %v", rule.queue, key, err)
		return true // there is no request for such a key, now or later
	}
	head := newRecordedResponse()
	o.fake.ServeHTTP(head, request)
	if head.code != http.StatusOK {
		return true // the object was deleted, or was not stored
	}
	size, _ := strconv.ParseInt(head.Header().Get("Content-Length"), 10, 64) // gofakes3 always sends it
	body := o.notificationBody(rule, bucket, key, event, strings.Trim(head.Header().Get("ETag"), `"`), size)
	if err := o.publish(ctx, rule.queue, body); err != nil {
		o.printf("notify %s about %s: %v; the next start tries again", rule.queue, key, err)
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
	b, _ := json.Marshal(map[string]any{"Records": []any{record}}) // encoding maps of scalars cannot fail
	return b
}

// escapeKey encodes a key as S3's notifications do: URL-encoded, with + for a space, slashes unchanged.
func escapeKey(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }

// testNotification returns the message that S3 sends when a rule is created.
func (o *objectStore) testNotification(bucket string) []byte {
	var b bytes.Buffer
	_ = json.NewEncoder(&b).Encode(map[string]string{"Service": "Amazon S3", "Event": "s3:TestEvent", // encoding strings cannot fail
		"Time": o.now().UTC().Format("2006-01-02T15:04:05.000Z"), "Bucket": bucket, "RequestId": newID(), "HostId": newID()})
	return bytes.TrimSpace(b.Bytes())
}

// doOnce calls do the first time that it is called with this name for the data folder. A call that fails is repeated by the
// next run.
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
