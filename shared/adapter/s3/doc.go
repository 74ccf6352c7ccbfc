// Package s3 keeps objects in S3.
//
// # Decisions
//
// Create is the one way to write what must not be replaced, such as a call's report. It is a PUT with If-None-Match: *, and the SDK repeats it until the context ends. A
// repeated PUT whose first answer was lost is told 412 although it won, so the content's hash travels in the object's
// metadata and a 412 is judged by it: the same hash is our own success
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html). A 409 ConditionalRequestConflict
// says that another PUT of the key is under way; it is tried again like a 503.
//
// The SDK's token bucket, which stops retries when many calls fail at once, is off: the context's end is the limit, and
// giving up earlier loses a report that would have been kept.
//
// Upload takes feature/s3/transfermanager and not feature/s3/manager, which its authors have ended. Every part is read into
// memory whole and sent as a seekable body, so that the SDK's retries work and no streaming trailer is needed, which
// our double of S3 does not take. Parts of 5 MB, two at a time, keep an upload of any size at some 15 MB. The version is the
// newest that goes with the SDK that go.mod pins.
//
// An address is signed for an object that is there: a link to nothing should say so in our words, not in S3's.
//
// What would change our mind: S3 answering a 412 with the metadata of what is there would save the HEAD.
package s3
