package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/coder/websocket"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/emulator"
)

// FirstWords is the measured time from the end of the caller's words to the first words of the answer, in milliseconds.
type FirstWords struct {
	Way    string  `json:"way"`
	AtOnce int     `json:"atOnce"` // callers whose words end at the same moment
	P50    float64 `json:"p50Ms"`
	P95    float64 `json:"p95Ms"`
}

// The ways to carry a phone call. Speech recognition and the voice come on top of both.
const (
	wayVoice = "/voice, asked by a voice server"
	wayRelay = "ConversationRelay"

	turnsOfACall = 5 // so that the history that the model is sent stays short, as that of a voice server here
)

// measureFirstWords measures both ways in alternating rounds, first with one caller, then with sixteen.
func (b *bench) measureFirstWords(ctx context.Context) error {
	voice := &voiceCaller{url: b.stack.Info().FunctionURLs["ChatCompletionsVoiceFunction"] + chatPath + "/voice", key: b.stack.Info().Keys["BINARYTINT_API_KEY"],
		client: &http.Client{Timeout: turnTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: concurrentTurns}}}
	defer voice.client.CloseIdleConnections()
	for _, atOnce := range []int{1, concurrentTurns} {
		rounds, warm := b.size.alone, 5
		if atOnce > 1 {
			rounds, warm = b.size.rounds, 2
		}
		var voices, relays []float64
		var calls []*relayCaller
		for round := range rounds + warm {
			if round%turnsOfACall == 0 {
				hangUp(calls)
				var err error
				if calls, err = b.openCalls(ctx, atOnce); err != nil {
					return err
				}
			}
			question := fmt.Sprintf("%s (%d)", question, round) // the same words again would be a repeated message
			byVoice, err := each(atOnce, func(int) (time.Duration, error) { return voice.ask(ctx, question) })
			if err != nil {
				return fmt.Errorf("%s: %w", wayVoice, err)
			}
			byRelay, err := each(atOnce, func(i int) (time.Duration, error) { return calls[i].ask(ctx, question) })
			if err != nil {
				return fmt.Errorf("%s: %w", wayRelay, err)
			}
			if round >= warm {
				voices, relays = append(voices, byVoice...), append(relays, byRelay...)
			}
		}
		hangUp(calls)
		b.results.FirstWords = append(b.results.FirstWords, FirstWords{wayVoice, atOnce, median(voices), percentile(voices, 95)},
			FirstWords{wayRelay, atOnce, median(relays), percentile(relays, 95)})
	}
	return nil
}

// each calls ask for this many callers at the same moment, and returns the times in milliseconds.
func each(atOnce int, ask func(i int) (time.Duration, error)) ([]float64, error) {
	times, errs := make([]float64, atOnce), make([]error, atOnce)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range atOnce {
		wg.Go(func() {
			<-begin
			took, err := ask(i)
			times[i], errs[i] = milliseconds(took), err
		})
	}
	close(begin)
	wg.Wait()
	return times, errors.Join(errs...)
}

// voiceCaller is a voice server.
type voiceCaller struct {
	url, key string
	client   *http.Client
}

// ask posts what a caller has said, and returns the time to the first words.
func (v *voiceCaller) ask(ctx context.Context, question string) (first time.Duration, err error) {
	body := fmt.Sprintf(`{"model":"gpt-4o","stream":true,"target_assistant_id":%q,"messages":[{"role":"user","content":%q}]}`, seededAssistant, question)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+v.key)
	began := time.Now()
	response, err := v.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewReader(response.Body)
	for {
		line, err := lines.ReadSlice('\n')
		if first == 0 && bytes.Contains(line, []byte(`"content":"word`)) {
			first = time.Since(began)
		}
		if bytes.HasPrefix(line, []byte("data: [DONE]")) && first > 0 {
			_, err = io.Copy(io.Discard, lines)
			return first, err
		}
		if err != nil {
			return 0, fmt.Errorf("%s, and the stream ended early: %w", response.Status, err)
		}
	}
}

// relayCaller is Twilio's side of one phone call.
type relayCaller struct{ conn *websocket.Conn }

// openCalls connects calls that have a token, as after the answer to Twilio's request.
func (b *bench) openCalls(ctx context.Context, n int) ([]*relayCaller, error) {
	info := b.stack.Info()
	store := dynamo.NewPhoneCalls(func() (aws.Config, error) {
		return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(info.Endpoints["dynamodb"]), Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")}, nil
	}, info.Tables["ledger"], time.Now, rand.Text)
	calls := make([]*relayCaller, n)
	_, err := each(n, func(i int) (_ time.Duration, err error) {
		calls[i], err = b.openCall(ctx, store, info)
		return 0, err
	})
	return calls, err
}

func (b *bench) openCall(ctx context.Context, store *dynamo.PhoneCalls, info emulator.Info) (*relayCaller, error) {
	b.phoneCalls.Add(1)
	sid, token, number := fmt.Sprintf("CA%032x", b.phoneCalls.Load()), rand.Text(), exampleNumber(int(b.phoneCalls.Load()))
	if err := store.IssueToken(ctx, aurora.RelayToken{Token: token, AssistantID: seededAssistant, CallSID: sid, ExpiresAt: time.Now().Add(time.Minute)}); err != nil {
		return nil, err
	}
	conn, _, err := websocket.Dial(ctx, info.WebSocket, &websocket.DialOptions{HTTPHeader: http.Header{"X-Twilio-Signature": {sign(b.relayURL())}}})
	if err != nil {
		return nil, err
	}
	c := &relayCaller{conn: conn}
	if err := c.send(ctx, map[string]any{"type": "setup", "sessionId": "VX" + sid[2:], "callSid": sid, "accountSid": emulator.TwilioAccountSID, "from": number,
		"to": "+15551230100", "direction": "inbound", "customParameters": map[string]string{"token": token}}); err != nil {
		return nil, err
	}
	for { // a prompt may overtake the setup, and would wait for it
		call, ok, err := store.Call(ctx, sid)
		if err != nil || ok && call.ConnectionID != "" {
			return c, err
		}
		time.Sleep(5 * time.Millisecond)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// relayURL returns the address that stands in the TwiML, which Twilio signs.
func (b *bench) relayURL() string {
	_, environment, _ := b.stack.Program("voice-relay")
	return variable(environment, "VOICE_RELAY_URL")
}

// variable returns a variable of an environment.
func variable(environment []string, name string) string {
	for _, entry := range environment {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value
		}
	}
	return ""
}

func (c *relayCaller) send(ctx context.Context, message map[string]any) error {
	b, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return c.conn.Write(ctx, websocket.MessageText, b)
}

// ask sends what the caller has said, and returns the time to the first words. It reads the turn to its end.
func (c *relayCaller) ask(ctx context.Context, question string) (first time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	began := time.Now()
	if err := c.send(ctx, map[string]any{"type": "prompt", "voicePrompt": question, "lang": "en-US", "last": true}); err != nil {
		return 0, err
	}
	for {
		_, frame, err := c.conn.Read(ctx)
		if err != nil {
			return 0, err
		}
		var f struct {
			Type, Token string
			Last        bool
		}
		if err := json.Unmarshal(frame, &f); err != nil || f.Type != "text" {
			return 0, fmt.Errorf("not a message of words: %s", frame)
		}
		if first == 0 && strings.Contains(f.Token, "word") {
			first = time.Since(began)
		}
		if f.Last {
			if first == 0 {
				return 0, errors.New("the turn had no words")
			}
			return first, nil
		}
	}
}

func hangUp(calls []*relayCaller) {
	for _, c := range calls {
		if c != nil {
			_ = c.conn.Close(websocket.StatusNormalClosure, "") // it may have ended
		}
	}
}
