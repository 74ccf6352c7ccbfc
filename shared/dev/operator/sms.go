package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// textAnswer is what the fake Twilio says of a text message that it took.
type textAnswer struct {
	SID     string   `json:"sid"`
	Status  int      `json:"status"` // of our answer to Twilio; 0 without one
	Error   string   `json:"error"`
	Answers []string `json:"answers"`
}

// sms sends a person's text message to an assistant of the local stack, and prints the answer.
func (p *program) sms(ctx context.Context) error {
	f := p.flags("sms")
	text := f.String("text", "", "what the person writes")
	number := f.String("number", "", "the number that is texted; "+calledNumber+" if empty")
	from := f.String("from", "", "the person's number; "+typingCaller+" if empty")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	if *text == "" {
		return errors.New(`say what the person writes: make sms TEXT="Are you open?"`)
	}
	s, err := p.stack(ctx, "")
	if err != nil {
		return err
	}
	form := url.Values{"From": {cmp.Or(*from, typingCaller)}, "To": {cmp.Or(*number, calledNumber)}, "Body": {*text}, "Wait": {"30"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.local.Endpoints["twilio"]+"/inbound-messages", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("%w (`make run` must not use a real Twilio account)", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var a textAnswer
	if err := json.Unmarshal(body, &a); err != nil || a.SID == "" {
		return fmt.Errorf("the fake Twilio answered %d: %s", response.StatusCode, body)
	}
	switch {
	case a.Error != "":
		return errors.New("the text message was not taken: " + a.Error)
	case a.Status != http.StatusOK:
		return fmt.Errorf("the text message was answered with status %d", a.Status)
	case len(a.Answers) == 0:
		return errors.New("there was no answer in 30 seconds; the log says why")
	}
	for _, answer := range a.Answers {
		p.printLine("%s", answer)
	}
	return nil
}
