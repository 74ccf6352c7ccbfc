// Package bucket keeps objects in S3, each written once.
//
// # Decisions
//
// Create is the one way to write. It is a PUT with If-None-Match: *, and the SDK repeats it until the context ends. A
// repeated PUT whose first answer was lost is told 412 although it won, so the content's hash travels in the object's
// metadata and a 412 is judged by it: the same hash is our own success
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html). A 409 ConditionalRequestConflict
// says that another PUT of the key is under way; it is tried again like a 503.
//
// The SDK's token bucket, which stops retries when many calls fail at once, is off: the context's end is the limit, and
// giving up earlier loses a report that would have been kept.
//
// What would change our mind: S3 answering a 412 with the metadata of what is there would save the HEAD.
package bucket
