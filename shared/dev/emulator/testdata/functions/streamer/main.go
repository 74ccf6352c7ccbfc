// Command streamer streams a response. Before each piece it waits for a gate, a URL in the query.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(handle) }

func handle(ctx context.Context, raw json.RawMessage) (*events.LambdaFunctionURLStreamingResponse, error) {
	var e struct {
		QueryStringParameters map[string]string `json:"queryStringParameters"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	if e.QueryStringParameters["do"] == "panic" {
		panic("as asked")
	}
	read, write := io.Pipe()
	go func() {
		defer func() { _ = recover() }()
		_ = write.CloseWithError(pieces(ctx, write, e.QueryStringParameters["do"], e.QueryStringParameters["gate"]))
	}()
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: 202, Headers: map[string]string{"Content-Type": "text/event-stream"}, Body: read}, nil
}

func pieces(ctx context.Context, w io.Writer, do, gate string) error {
	for i, word := range []string{"one\n", "two\n", "three\n"} {
		if gate != "" {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, gate, nil)
			if err != nil {
				return err
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				return err
			}
			_ = response.Body.Close()
		}
		if i == 1 {
			switch do {
			case "exit":
				os.Exit(9)
			case "fail":
				return errors.New("as asked")
			case "hang":
				select {}
			}
		}
		if _, err := io.WriteString(w, word); err != nil {
			return err
		}
	}
	return nil
}
