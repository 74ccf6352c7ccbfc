package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/dev/emulator"
	"example.com/aurora/shared/dev/fakeopenai"
)

// textedStack is a stack whose model repeats what a person has written.
func textedStack(t *testing.T) *testStack {
	t.Helper()
	b := &testStack{data: t.TempDir()}
	b.model = fakeopenai.Serve(t, func(_ int, r fakeopenai.Request) fakeopenai.Answer {
		return fakeopenai.Text("Heard: " + strings.ReplaceAll(r.Last("user"), "\n", " / "))
	})
	b.start(t, "OPENAI_BASE_URL="+b.model.URL)
	return b
}

// text sends a person's text message, and waits for the first answer if wait is not 0.
func (b *testStack) text(t *testing.T, from, body string, wait int) textAnswer {
	t.Helper()
	to := calledNumber
	if channel, _, ok := strings.Cut(from, ":"); ok {
		to = channel + ":" + to
	}
	form := url.Values{"From": {from}, "To": {to}, "Body": {body}, "Wait": {strconv.Itoa(wait)}}
	response, err := http.PostForm(b.info.Endpoints["twilio"]+"/inbound-messages", form)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var a textAnswer
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil || a.Status != http.StatusOK {
		t.Errorf("%s %q: %+v, %v", from, body, a, err)
	}
	return a
}

// textsTo returns what was sent to a person, by us or by Twilio itself, in order, each with its status.
func (b *testStack) textsTo(t *testing.T, to string) (ours, twilios []string) {
	t.Helper()
	address := b.info.Endpoints["twilio"] + "/2010-04-01/Accounts/" + emulator.TwilioAccountSID + "/Messages.json?To=" + url.QueryEscape(to)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(emulator.TwilioAccountSID+":"+emulator.TwilioAuthToken)))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var list struct {
		Messages []struct{ Body, Direction, Status string }
	}
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	for _, m := range slices.Backward(list.Messages) {
		if m.Direction == "outbound-api" {
			ours = append(ours, m.Body)
		} else {
			twilios = append(twilios, m.Body)
		}
	}
	return ours, twilios
}

// until waits until a condition holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ticker := time.NewTicker(50 * time.Millisecond); !holds(); {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("in a minute this did not happen: %s", what)
		}
	}
}

// TestTexts is people's text messages on the whole stack.
func TestTexts(t *testing.T) {
	b := textedStack(t)
	t.Run("a storm", b.textStorm)
	t.Run("opt-outs", b.textOptOuts)
	t.Run("fault 154: the worker is killed while an answer is sent", b.killedTextWorker)
	t.Run("fault 159: reports twice, the last one first", b.textReports)
}

var stormTag = regexp.MustCompile(`storm-(\d\d)`)

// textStorm sends 200 messages from ten numbers at once. Each message is in one answer, and the answers of a person are in order.
func (b *testStack) textStorm(t *testing.T) {
	var people sync.WaitGroup
	for n := range 10 {
		people.Go(func() {
			for i := range 20 {
				b.text(t, fmt.Sprintf("+141555501%02d", 60+n), fmt.Sprintf("storm-%02d", i), 0)
			}
		})
	}
	people.Wait()
	for n := range 10 {
		person := fmt.Sprintf("+141555501%02d", 60+n)
		var heard []string
		until(t, "all messages of "+person+" are answered", func() bool {
			ours, _ := b.textsTo(t, person)
			heard = nil
			for _, m := range stormTag.FindAllStringSubmatch(strings.Join(ours, " "), -1) {
				heard = append(heard, m[1])
			}
			return len(heard) >= 20
		})
		for i, tag := range heard {
			if tag != fmt.Sprintf("%02d", i) || len(heard) != 20 {
				t.Errorf("%s: answered %v, want each of 20 messages once, in order", person, heard)
				break
			}
		}
	}
}

// textOptOuts sends the words in all forms. Each person has one reply, and after an opt-out no other message.
func (b *testStack) textOptOuts(t *testing.T) {
	for i, c := range []struct {
		body, channel string
		byTwilio      bool
	}{
		{"STOP", "", true}, {"stop", "", true}, {"StopAll", "", true}, {" Unsubscribe ", "", true}, {"END", "", true}, {"quit", "", true}, {"CANCEL", "", true}, {"Revoke", "", true},
		{"OPTOUT", "", true}, {"Please stop texting me", "", false}, {"ARRÊT", "", false}, {"STOP", "whatsapp:", false},
	} {
		person := c.channel + fmt.Sprintf("+141555501%02d", 80+i)
		a := b.text(t, person, c.body, 20)
		b.text(t, person, "Are you there?", 1) // from a person on the list
		ours, twilios := b.textsTo(t, person)
		if len(a.Answers) != 1 || len(ours)+len(twilios) != 1 || (len(twilios) == 1) != c.byTwilio {
			t.Errorf("%s %q: we sent %q, Twilio %q; want one reply, by Twilio: %t", person, c.body, ours, twilios, c.byTwilio)
		}
		if b.text(t, person, "START", 20); c.channel == "" && !c.byTwilio {
			continue // Twilio replies to START, too
		}
		if a := b.text(t, person, "stop by at 5", 20); len(a.Answers) != 1 || a.Answers[0] != "Heard: stop by at 5" {
			t.Errorf("%s after START: answered %q", person, a.Answers)
		}
	}
	if ours, twilios := b.textsTo(t, "+14155550179"); len(ours)+len(twilios) > 0 {
		t.Fatal("this number was used before")
	}
	if a := b.text(t, "+14155550179", "HELP", 20); len(a.Answers) != 1 || strings.HasPrefix(a.Answers[0], "Heard") {
		t.Errorf("HELP is answered %q, want Twilio's reply alone", a.Answers)
	}
}

// killedTextWorker kills the worker after Twilio has accepted an answer and before it has said so.
func (b *testStack) killedTextWorker(t *testing.T) {
	const person = "+14155550137"
	b.text(t, person, "Hi", 0)
	until(t, "Twilio has accepted the answer", func() bool { ours, _ := b.textsTo(t, person); return len(ours) == 1 })
	killed := 0
	for _, pid := range processesOf(t, filepath.Join(b.data, "bin", "message-worker", "bootstrap")) {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	if killed == 0 {
		t.Fatal("no process of the worker was found")
	}
	queue := func() string {
		text, _ := os.ReadFile(filepath.Join(b.data, "logs", "message-worker.log")) // it grows meanwhile
		return string(text)
	}
	b.text(t, person, "And?", 0)
	until(t, "the second message is answered", func() bool { ours, _ := b.textsTo(t, person); return len(ours) >= 2 })
	if ours, _ := b.textsTo(t, person); !slices.Equal(ours, []string{"Heard: Hi", "Heard: And?"}) {
		t.Errorf("sent %q, want each answer once\n%s", ours, queue())
	}
}

// processesOf returns the ids of the processes that run a program.
func processesOf(t *testing.T, program string) (pids []int) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if target, err := os.Readlink(path); err == nil && target == program {
			pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// textReports checks that the highest status of a message is stored, and counted once.
func (b *testStack) textReports(t *testing.T) {
	for _, c := range []struct{ person, status string }{{"+14155550132", "delivered"}, {"+14155550131", "undelivered"}} {
		b.text(t, c.person, "Hi", 20)
		until(t, "the status of the message is stored", func() bool {
			for item, err := range dynamo.NewItems(localStack(b.info).awsConfig("dynamodb"), b.info.Tables["ledger"], "ledger").All(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(item.Text("key"), "textstatus#") && item.Text("status") == c.status {
					return true
				}
			}
			return false
		})
	}
	text, err := os.ReadFile(filepath.Join(b.data, "logs", "message-incoming.log"))
	if err != nil || bytes.Count(text, []byte(`"event":"text.undelivered"`)) != 1 || !bytes.Contains(text, []byte(`"group":"text_unregistered"`)) {
		t.Errorf("%v; the log has %d lines of messages that were not delivered, want one", err, bytes.Count(text, []byte(`"event":"text.undelivered"`)))
	}
}
