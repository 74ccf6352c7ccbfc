// Command echo returns its event, or fails in the way that the query parameter "do" names.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

type event struct {
	QueryStringParameters map[string]string `json:"queryStringParameters"`
	Do                    string            `json:"do"`
}

func main() {
	if os.Getenv("INIT") == "exit" {
		os.Exit(3)
	}
	lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() {
		fmt.Println(`{"level":"INFO","msg":"told to end"}`)
		os.Exit(0)
	}))
}

func handle(ctx context.Context, raw json.RawMessage) (any, error) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	do := e.QueryStringParameters["do"] + e.Do
	switch {
	case do == "panic":
		panic("as asked")
	case do == "error":
		return nil, errors.New("as asked")
	case do == "exit":
		os.Exit(7)
	case do == "hang":
		select {} // until the time limit
	case do == "sleep":
		time.Sleep(1500 * time.Millisecond)
	case do == "big":
		return map[string]any{"statusCode": 200, "body": strings.Repeat("x", 7<<20)}, nil
	case do == "malformed":
		return map[string]any{"status": 200}, nil
	case do == "number":
		return map[string]any{"statusCode": "201", "headers": map[string]any{"X-Number": 5, "X-Flag": true}, "body": "ok"}, nil
	case do == "multi":
		return map[string]any{"statusCode": 200, "headers": map[string]string{"X-One": "1"}, "multiValueHeaders": map[string]any{"X-Two": []string{"a", "b"}}, "body": ""}, nil
	case do == "cookies":
		return map[string]any{"statusCode": 200, "cookies": []string{"a=1", "b=2"}, "body": "aGVsbG8=", "isBase64Encoded": true}, nil
	case do == "plain":
		return map[string]any{"hello": "world"}, nil
	case do == "environment":
		return map[string]any{"statusCode": 200, "body": strings.Join(os.Environ(), "\n")}, nil
	case strings.HasPrefix(do, "http"):
		// Report to this URL, and wait for its response.
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, do, nil)
		if err != nil {
			return nil, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		return map[string]any{"statusCode": 200, "body": fmt.Sprintf("%d %s", os.Getpid(), body)}, err
	}
	return map[string]any{"statusCode": 200, "headers": map[string]string{"Content-Type": "application/json"}, "body": string(raw)}, nil
}
