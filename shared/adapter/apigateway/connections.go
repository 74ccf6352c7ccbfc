package apigateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"

	"example.com/aurora/shared/core/fault"
)

// MaxMessage is the size of the largest message to a client, in bytes
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html).
const MaxMessage = 128 << 10

const (
	requestTimeout = 5 * time.Second // of one message with its retries
	maxAttempts    = 4
	firstDelay     = 50 * time.Millisecond // before the first retry; each later one waits twice as long
)

// Codes of the faults that Send and Close return.
const (
	CodeGone      = "connection_gone"      // kind NotFound: the client has disconnected, or was never connected
	CodeBusy      = "connection_busy"      // kind RateLimited: too many requests, or the client does not read
	CodeForbidden = "connection_forbidden" // kind Forbidden: the function's role may not send
)

// Connections are the open connections of one WebSocket API. Use New.
type Connections struct {
	client func() (*apigatewaymanagementapi.Client, error)
}

// New returns the connections of the API at this address: https://, the API's host and the stage. The client is created on
// first use.
func New(config func() (aws.Config, error), address string) *Connections {
	return &Connections{client: sync.OnceValues(func() (*apigatewaymanagementapi.Client, error) {
		cfg, err := config()
		if err != nil {
			return nil, fmt.Errorf("configure the API's connections: %w", err)
		}
		return apigatewaymanagementapi.NewFromConfig(cfg, func(o *apigatewaymanagementapi.Options) {
			o.BaseEndpoint, o.Retryer = &address, newRetryer()
		}), nil
	})}
}

func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.RateLimiter = ratelimit.None // a call with a slow client must not use up the retries of the next
		o.Retryables = append(o.Retryables, retry.RetryableHTTPStatusCode{Codes: map[int]struct{}{http.StatusTooManyRequests: {}}})
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return firstDelay << (attempt - 1), nil })
	})
}

// Send sends one text message to the client of a connection. When it returns nil, the gateway has accepted the message: the
// order of messages is kept only if each is sent after the one before was accepted. The error is a fault with one of the codes
// above, TooLarge for a message above MaxMessage, Timeout, or Unavailable.
func (c *Connections) Send(ctx context.Context, connectionID string, message []byte) error {
	if len(message) > MaxMessage {
		return fault.Newf(fault.TooLarge, "A message of a connection has at most %d bytes.", MaxMessage)
	}
	return c.request(ctx, "send to the connection", func(ctx context.Context, client *apigatewaymanagementapi.Client) error {
		_, err := client.PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &connectionID, Data: message})
		return err
	})
}

// Close ends a connection. A connection that has gone is no error.
func (c *Connections) Close(ctx context.Context, connectionID string) error {
	err := c.request(ctx, "close the connection", func(ctx context.Context, client *apigatewaymanagementapi.Client) error {
		_, err := client.DeleteConnection(ctx, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &connectionID})
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func (c *Connections) request(ctx context.Context, what string, do func(context.Context, *apigatewaymanagementapi.Client) error) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if err := do(ctx, client); err != nil {
		return newFault(ctx, fmt.Errorf("%s: %w", what, err))
	}
	return nil
}

// newFault returns the fault of a failed request. The status decides: it is there even if a proxy before the gateway answered
// without an error code.
func newFault(ctx context.Context, err error) error {
	status := 0
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = response.HTTPStatusCode()
	}
	switch {
	case status == http.StatusGone:
		return fault.New(fault.NotFound, "The connection has ended.").WithCode(CodeGone).Because(err)
	case status == http.StatusTooManyRequests:
		return fault.New(fault.RateLimited, "The connection takes no more messages now.").WithCode(CodeBusy).Because(err)
	case status == http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "The message is too large for the connection.").Because(err)
	case status == http.StatusForbidden:
		return fault.New(fault.Forbidden, "The connection may not be used.").WithCode(CodeForbidden).Because(err)
	case errors.Is(err, context.Canceled):
		return err // the sender has given up; nothing failed
	case ctx.Err() != nil:
		return fault.New(fault.Timeout, "The connection did not take the message in time.").WithCode("timeout").Because(err)
	}
	return fault.New(fault.Unavailable, "The message could not be sent to the connection.").Because(err)
}
