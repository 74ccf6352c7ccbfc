// Package apigateway sends messages to the clients of an API Gateway WebSocket API.
//
// # Decisions
//
// A failed request is repeated three times, after 50, 100 and 200 ms: when the gateway throttles it or the client's buffer is
// full (429), after 5xx, and when the connection to the gateway broke. A connection that a frozen Lambda environment kept is
// often closed by the time it is used, and then the caller would hear nothing. The gateway may have delivered the message of a
// broken connection, so a message may arrive twice, which is rare and better than silence.
//
// 410 is final, although it has been seen for messages that arrived (https://github.com/aws/aws-sdk-js/issues/3773): a
// message to a client that has gone is of no use.
//
// The client of apigatewaymanagementapi signs the requests, which is most of what a request needs. Its endpoint is the API's
// own address with the stage: without one it would ask a host that does not exist
// (https://github.com/aws/aws-sdk-go-v2/issues/1534).
package apigateway
