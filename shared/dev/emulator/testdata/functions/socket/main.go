// Command socket is the function of a WebSocket API. A message names what it does: {"do":"…"}.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(handle) }

func handle(ctx context.Context, raw json.RawMessage) (any, error) {
	var e events.APIGatewayWebsocketProxyRequest
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	// Report the event to the test before anything else; it may hold the answer back.
	status, err := report(ctx, raw)
	if err != nil {
		return nil, err
	}
	if e.RequestContext.EventType == "CONNECT" {
		switch e.QueryStringParameters["do"] {
		case "refuse":
			return events.APIGatewayProxyResponse{StatusCode: 403, Body: "not shown"}, nil
		case "fail":
			return nil, errors.New("as asked")
		}
	}
	var message struct{ Do string }
	_ = json.Unmarshal([]byte(e.Body), &message)
	switch message.Do {
	case "fail":
		return nil, errors.New("as asked")
	case "exit":
		os.Exit(7)
	case "panic":
		panic("as asked")
	case "hang":
		select {}
	case "malformed":
		return map[string]any{"status": 200}, nil
	case "slow":
		time.Sleep(1500 * time.Millisecond)
	}
	return events.APIGatewayProxyResponse{StatusCode: status, Body: "a body that goes nowhere"}, nil
}

func report(ctx context.Context, event []byte) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("SOCKET_SINK_BASE_URL"), bytes.NewReader(event))
	if err != nil {
		return 0, err
	}
	request.Header.Set("X-Relay", os.Getenv("VOICE_RELAY_URL")+" "+os.Getenv("RELAY_API_URL"))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("report the event: %w", err)
	}
	return response.StatusCode, response.Body.Close()
}
