// Package s3 stores objects in S3.
//
// # Decisions
//
// Create writes objects that must not be replaced, such as end-of-call reports. It is a PUT with If-None-Match: *, which
// the SDK repeats until the context ends. If the reply to a successful PUT is lost, the repeated PUT gets a 412. So the hash
// of the content is stored in the object's metadata: after a 412, the same hash means that this content is stored
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html). A 409 ConditionalRequestConflict
// means that another PUT of the key is in progress; it is retried like a 503.
//
// The SDK's token bucket, which stops retries when many requests fail at the same time, is off. The end of the context is
// the only limit: giving up earlier would lose a report that could have been stored.
//
// Upload uses feature/s3/transfermanager, because feature/s3/manager is deprecated. Each part is read into memory and
// sent as a seekable body, so that the SDK can retry it and sends no streaming trailer, which our fake of S3 does not
// accept. Two parts of 5 MB at a time keep the memory of an upload of any size at about 15 MB. The version is the newest
// that works with the SDK version in go.mod.
//
// Presign reads the object's head first, so that a link to a missing object is our own 404 and not S3's XML.
//
// What would change our mind: if S3 sent the metadata of the stored object with a 412, the HEAD would not be needed.
package s3
