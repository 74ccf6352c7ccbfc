package emulator

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// socketEvent is one event of a connection, for a function.
type socketEvent struct {
	kind       string // CONNECT, MESSAGE or DISCONNECT
	route      string
	id, trace  string
	connection string
	at         time.Time // when the gateway received it, which is before its delivery
	body       []byte
	code       websocket.StatusCode // of DISCONNECT
	reason     string
}

func (c *connection) newEvent(kind, route string) *socketEvent {
	return &socketEvent{kind: kind, route: route, id: newConnectionID(), trace: newTrace(), connection: c.id, at: time.Now()}
}

// encode returns the event as API Gateway sends it to a function
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-integrations-lambda.html).
func (e *socketEvent) encode(c *connection) []byte {
	context := map[string]any{
		"routeKey": e.route, "eventType": e.kind, "extendedRequestId": e.id, "requestTime": e.at.UTC().Format("02/Jan/2006:15:04:05 -0700"),
		"messageDirection": "IN", "stage": c.api.stage, "connectedAt": c.connectedAt.UnixMilli(), "requestTimeEpoch": e.at.UnixMilli(),
		"identity": c.identity(), "requestId": e.id, "domainName": c.host, "connectionId": c.id, "apiId": c.api.id,
	}
	event := map[string]any{"requestContext": context, "isBase64Encoded": false}
	switch e.kind {
	case "CONNECT":
		event["headers"], event["multiValueHeaders"] = proxyHeaders(c.request, e.trace)
		if single, multi := proxyQuery(c.request); single != nil {
			event["queryStringParameters"], event["multiValueQueryStringParameters"] = single, multi
		}
	case "MESSAGE":
		context["messageId"] = newConnectionID()
		event["body"] = string(e.body)
	case "DISCONNECT":
		context["disconnectStatusCode"], context["disconnectReason"] = int(e.code), e.reason
		headers := http.Header{"Host": {c.host}, "x-api-key": {""}, "X-Forwarded-For": {""}, "x-restapi": {""}}
		single := map[string]string{}
		for name, values := range headers {
			single[name] = values[0]
		}
		event["headers"], event["multiValueHeaders"] = single, headers
	}
	b, _ := json.Marshal(event) // encoding scalars cannot fail
	return b
}

func (c *connection) identity() map[string]any {
	return map[string]any{"sourceIp": sourceIP(c.request), "userAgent": userAgentOrNil(c.request)}
}
