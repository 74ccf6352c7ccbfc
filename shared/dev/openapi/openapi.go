package openapi

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

//go:embed openapi.yaml
var document []byte

// Document returns the OpenAPI document as YAML.
func Document() []byte { return slices.Clone(document) }

// Load parses the document and validates it, with its examples.
func Load() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return doc, nil
}

type spec struct {
	doc    *openapi3.T
	router routers.Router
}

var loadSpec = sync.OnceValues(func() (spec, error) {
	doc, err := Load()
	if err != nil {
		return spec{}, err
	}
	// The paths are the same at every server.
	doc.Servers = nil
	router, err := legacy.NewRouter(doc)
	// checkStream reads the stream's lines; for kin-openapi the body is a string.
	openapi3filter.RegisterBodyDecoder("text/event-stream", openapi3filter.PlainBodyDecoder)
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder)
	openapi3filter.RegisterBodyDecoder("text/xml", openapi3filter.PlainBodyDecoder)
	return spec{doc, router}, err
})

// filterOptions turns authentication off: other tests check every key on every route.
var filterOptions = &openapi3filter.Options{
	AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
	IncludeResponseStatus: true,
	MultiError:            true,
}

// Exchange is one request and its answer.
type Exchange struct {
	Request *http.Request // its body is not read
	Body    []byte
	Status  int
	Header  http.Header
	Answer  []byte
}

// Validate returns an error if an exchange does not match the document. It always checks the answer, and the request if
// it was successful. A path that is not in the document must be answered with an error in the common shape.
func Validate(x Exchange) error {
	d, err := loadSpec()
	if err != nil {
		return err
	}
	question := x.Request.Clone(context.Background())
	question.Body = io.NopCloser(bytes.NewReader(x.Body))
	question.ContentLength = int64(len(x.Body))
	route, path, err := d.router.FindRoute(question)
	if err != nil {
		return d.checkUndescribed(x, err)
	}
	input := &openapi3filter.RequestValidationInput{Request: question, PathParams: path, Route: route, Options: filterOptions}
	good := x.Status >= 200 && x.Status < 300
	if good {
		// The validator cannot read a number such as 1e400, which a webhook report may contain.
		if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil && !errors.Is(err, strconv.ErrRange) {
			return fmt.Errorf("%s %s was answered %d and is not as described: %w", x.Request.Method, x.Request.URL.Path, x.Status, err)
		}
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: x.Status, Header: x.Header, Options: filterOptions}
	answer.SetBodyBytes(x.Answer)
	if err := openapi3filter.ValidateResponse(context.Background(), answer); err != nil {
		return fmt.Errorf("the answer %d to %s %s is not as described: %w", x.Status, x.Request.Method, x.Request.URL.Path, err)
	}
	if media, _, _ := mime.ParseMediaType(x.Header.Get("Content-Type")); good && media == "text/event-stream" {
		return d.checkStream(x.Answer)
	}
	return nil
}

// checkUndescribed checks the answer to a path or method that is not in the document.
func (d spec) checkUndescribed(x Exchange, why error) error {
	if x.Status != http.StatusNotFound && x.Status != http.StatusMethodNotAllowed && x.Status != http.StatusUnauthorized {
		return fmt.Errorf("%s %s is not described (%w) and was answered %d", x.Request.Method, x.Request.URL.Path, why, x.Status)
	}
	return d.matches("Error", x.Answer)
}

func (d spec) matches(schema string, text []byte) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("%s: %w in %q", schema, err, text)
	}
	if err := d.doc.Components.Schemas[schema].Value.VisitJSON(v, openapi3.MultiErrors()); err != nil {
		return fmt.Errorf("%s: %w in %s", schema, err, text)
	}
	return nil
}

// checkStream checks that each event matches ChatEvent and that exactly one [DONE] or error ends the stream.
func (d spec) checkStream(answer []byte) error {
	if !bytes.HasSuffix(answer, []byte("\n\n")) {
		return errors.New("the stream breaks off within an event")
	}
	var finished, ended bool
	for block := range strings.SplitSeq(strings.TrimSuffix(string(answer), "\n\n"), "\n\n") {
		if strings.HasPrefix(block, ":") {
			continue // a comment keeps a connection open
		}
		text, ok := strings.CutPrefix(block, "data: ")
		if !ok || strings.Contains(text, "\n") {
			return fmt.Errorf("an event is one data line, not %q", block)
		}
		if ended {
			return fmt.Errorf("after the end of the stream: %q", block)
		}
		if text == "[DONE]" {
			if !finished {
				return errors.New("[DONE] without a finish_reason: a cut stream that looks finished")
			}
			ended = true
			continue
		}
		if err := d.matches("ChatEvent", []byte(text)); err != nil {
			return err
		}
		var event struct {
			Error   *json.RawMessage
			Choices []struct {
				FinishReason *string `json:"finish_reason"`
			}
		}
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			return err
		}
		ended = event.Error != nil
		finished = finished || len(event.Choices) > 0 && event.Choices[0].FinishReason != nil
	}
	if !ended {
		return errors.New("the stream ends in neither [DONE] nor an error")
	}
	return nil
}

// Check fails a test if an exchange does not match the document.
func Check(t testing.TB, request *http.Request, body []byte, status int, header http.Header, answer []byte) {
	t.Helper()
	if err := Validate(Exchange{Request: request, Body: body, Status: status, Header: header, Answer: answer}); err != nil {
		t.Error(err)
	}
}
