package web_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/transport/web"
)

// If the reader is waiting, an event is sent at once and does not wait for the next one.
func TestSSEEventsAreSentImmediately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFunction(true, func(w http.ResponseWriter, r *http.Request) error {
			web.StartSSE(w)
			for range 3 {
				if err := web.WriteEvent(w, []byte(`{}`)); err != nil {
					return err
				}
				time.Sleep(200 * time.Millisecond)
			}
			return nil
		})
		v, err := f.Invoke(context.Background(), urlRequest("POST", "/p", `{}`, bearerHeader))
		if err != nil {
			t.Fatal(err)
		}
		body := v.(*events.LambdaFunctionURLStreamingResponse).Body
		start, buf := time.Now(), make([]byte, 4096)
		for i := range 3 {
			n, err := body.Read(buf)
			if err != nil || string(buf[:n]) != "data: {}\n\n" {
				t.Errorf("read %q, %v; want one event", buf[:n], err)
			}
			if at := time.Since(start); at != time.Duration(i)*200*time.Millisecond {
				t.Errorf("event %d after %v, want %v", i, at, time.Duration(i)*200*time.Millisecond)
			}
		}
		if _, err := body.Read(buf); err != io.EOF {
			t.Errorf("the stream ends with %v, want io.EOF", err)
		}
	})
}

// Fault 27: a slow reader blocks the writer, at most until one second before the function's time ends.
func TestFault27SlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		f := newFunction(true, func(w http.ResponseWriter, r *http.Request) error {
			web.StartSSE(w)
			for {
				if err := web.WriteEvent(w, []byte(`{}`)); err != nil {
					ended <- err
					return err
				}
			}
		})
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		start := time.Now()
		v, err := f.Invoke(ctx, urlRequest("POST", "/p", `{}`, bearerHeader))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.(*events.LambdaFunctionURLStreamingResponse).Body.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err == nil || time.Since(start) != 9*time.Second {
			t.Errorf("ended with %v after %v, want 9s", err, time.Since(start))
		}
	})
}

// Fault 28: the handler's context ends two seconds before the function's time does.
func TestFault28SoftDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := func(w http.ResponseWriter, r *http.Request) error { <-r.Context().Done(); return r.Context().Err() }
		for _, stream := range []bool{true, false} {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			start := time.Now()
			a := invokeWithContext(ctx, t, newFunction(stream, wait), urlRequest("POST", "/p", `{}`, bearerHeader))
			if a.status != 504 || time.Since(start) != 3*time.Second {
				t.Errorf("stream=%v: %+v after %v, want 504 after 3s", stream, a, time.Since(start))
			}
			cancel()
		}
	})
}

func TestHandlerThatWritesNothing(t *testing.T) {
	f := newFunction(true, func(http.ResponseWriter, *http.Request) error { return nil })
	if a := invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader)); a.status != 500 {
		t.Errorf("got %+v, want 500", a)
	}
	f.Stream = false
	if _, err := f.Invoke(context.Background(), urlRequest("POST", "/p", `{}`, bearerHeader)); err == nil {
		t.Error("a buffered response without a status was accepted")
	}
}
