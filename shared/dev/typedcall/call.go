package typedcall

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/dev/faketwilio"
)

// Options are who calls whom, and what is said.
type Options struct {
	Twilio   string // the address of the fake Twilio
	From, To string
	Dialled  string    // the outcome of a transfer, such as busy; "" is completed
	Text     string    // lines separated by |; if empty, the lines of Input are used
	Input    io.Reader // lines; an end of input hangs up after the answer
	Typed    bool      // Input is typed by a person, so a line is said at once
	Out      io.Writer
}

// errOver is the error of what a caller does after the call.
var errOver = errors.New("the call is over")

// Run makes a call and returns what is known of it. The error is not nil if the call could not be made.
func Run(ctx context.Context, o Options) (faketwilio.RemoteReport, error) {
	steps, err := parseSteps(o.Text)
	if err != nil {
		return faketwilio.RemoteReport{}, err
	}
	c := &caller{options: o}
	if err := c.start(ctx); err != nil {
		return faketwilio.RemoteReport{}, err
	}
	over, hangUp := context.WithCancel(ctx)
	defer hangUp()
	screen := &screen{out: o.Out}
	var watching sync.WaitGroup
	watching.Go(func() {
		defer hangUp()
		c.watch(ctx, screen)
	})
	if len(steps) > 0 {
		err = c.play(over, steps)
	} else {
		err = c.read(over, screen)
	}
	if err != nil && !errors.Is(err, errOver) && over.Err() == nil {
		screen.note("%v", err)
	}
	_ = c.post(context.WithoutCancel(ctx), "hangup", nil) // it may be over already
	watching.Wait()
	return c.report(context.WithoutCancel(ctx))
}

// caller is the caller of one call.
type caller struct {
	options Options
	address string // of the call at the fake Twilio
}

// start makes the call.
func (c *caller) start(ctx context.Context) error {
	form := url.Values{"From": {c.options.From}, "To": {c.options.To}, "Dialled": {c.options.Dialled}}
	status, body, err := send(ctx, c.options.Twilio+"/phone/calls", form)
	if err != nil {
		return fmt.Errorf("call %s: %w", c.options.To, err)
	}
	var made struct{ SID string }
	if status != http.StatusCreated || json.Unmarshal(body, &made) != nil || made.SID == "" {
		return fmt.Errorf("call %s: the fake Twilio answered with status %d: %s", c.options.To, status, strings.TrimSpace(string(body)))
	}
	c.address = c.options.Twilio + "/phone/calls/" + made.SID
	return nil
}

// play does the steps, each after the answer to the one before, and listens to the last answer.
func (c *caller) play(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if err := c.listen(ctx, s.after); err != nil {
			return err
		}
		if err := c.do(ctx, s); err != nil {
			return err
		}
	}
	return c.post(ctx, "leave", nil)
}

// read does the lines of the input until its end or the end of the call.
func (c *caller) read(ctx context.Context, screen *screen) error {
	lines := make(chan string)
	go func() { // a read of a terminal cannot be interrupted, so this may outlive the call
		defer close(lines)
		input := bufio.NewScanner(c.options.Input)
		for input.Scan() {
			select {
			case lines <- input.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case line, more := <-lines:
			if !more {
				return c.post(ctx, "leave", nil)
			}
			s, err := parseStep(line)
			if err != nil {
				screen.note("%v", err)
				continue
			}
			if !c.options.Typed || s.after > 0 {
				err = c.listen(ctx, s.after)
			}
			if err == nil {
				err = c.do(ctx, s)
			}
			if errors.Is(err, errOver) {
				return err
			}
			if err != nil {
				screen.note("%v", err)
			}
		case <-ctx.Done():
			return errOver
		}
	}
}

// do does a step.
func (c *caller) do(ctx context.Context, s step) error {
	if s.route == "wait" {
		timer := time.NewTimer(s.wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return errOver
		}
	}
	err := c.post(ctx, s.route, s.form)
	if err != nil && ctx.Err() != nil || errors.Is(err, errOver) {
		return fmt.Errorf("%w before: %s", errOver, s.text)
	}
	if s.route == "hangup" {
		return errOver
	}
	return err
}

// listen waits for so many words of the answer, or for all of it.
func (c *caller) listen(ctx context.Context, words int) error {
	form := url.Values{}
	if words > 0 {
		form.Set("Words", fmt.Sprint(words))
	}
	return c.post(ctx, "listen", form)
}

func (c *caller) post(ctx context.Context, route string, form url.Values) error {
	status, body, err := send(ctx, c.address+"/"+route, form)
	message := strings.TrimSpace(string(body))
	switch {
	case ctx.Err() != nil, message == errOver.Error():
		return errOver
	case err != nil:
		return err
	case status != http.StatusNoContent:
		return errors.New(message)
	}
	return nil
}

func send(ctx context.Context, address string, form url.Values) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return receive(r)
}

func receive(r *http.Request) (status int, body []byte, err error) {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// report returns what the fake Twilio knows of the call.
func (c *caller) report(ctx context.Context) (faketwilio.RemoteReport, error) {
	var report faketwilio.RemoteReport
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address, nil)
	if err != nil {
		return report, err
	}
	status, body, err := receive(r)
	if err != nil {
		return report, fmt.Errorf("read what is known of the call: %w", err)
	}
	if err := json.Unmarshal(body, &report); status != http.StatusOK || err != nil {
		return report, fmt.Errorf("read what is known of the call: status %d, %w", status, err)
	}
	return report, nil
}
