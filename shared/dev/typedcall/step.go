package typedcall

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// step is one thing that a caller does.
type step struct {
	route string // of the fake Twilio; wait for a silence
	form  url.Values
	after int           // words of the answer that are heard before; 0 is the whole answer
	wait  time.Duration // of wait
	text  string        // as it was typed
}

// parseStep reads a line.
func parseStep(line string) (step, error) {
	line = strings.TrimSpace(line)
	command, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	s := step{text: line}
	switch command {
	case "/after":
		number, then, _ := strings.Cut(rest, " ")
		words, err := strconv.Atoi(number)
		if err != nil || words < 1 || strings.TrimSpace(then) == "" {
			return step{}, fmt.Errorf("%q: want a number of words and what to do, such as /after 5 Stop, please", line)
		}
		s, err = parseStep(then)
		s.after, s.text = words, line
		return s, err
	case "/press":
		if rest == "" || strings.Trim(rest, "0123456789*#") != "" {
			return step{}, fmt.Errorf("%q: want keys, such as /press 12#", line)
		}
		s.route, s.form = "press", url.Values{"Keys": {rest}}
	case "/wait":
		seconds, err := strconv.ParseFloat(rest, 64)
		if err != nil || seconds <= 0 || seconds > 3600 {
			return step{}, fmt.Errorf("%q: want a number of seconds, such as /wait 10", line)
		}
		s.route, s.wait = "wait", time.Duration(seconds*float64(time.Second))
	case "/cough", "/drop", "/hangup":
		if rest != "" {
			return step{}, fmt.Errorf("%q: nothing belongs after %s", line, command)
		}
		s.route = command[1:]
	case "":
		return step{}, fmt.Errorf("an empty line says nothing; /wait 5 is silence")
	default:
		if strings.HasPrefix(command, "/") {
			return step{}, fmt.Errorf("%q: the commands are /after, /press, /wait, /cough, /drop and /hangup", command)
		}
		s.route, s.form = "say", url.Values{"Text": {line}}
	}
	return s, nil
}

// parseSteps reads lines that are separated by |.
func parseSteps(text string) ([]step, error) {
	var steps []step
	for line := range strings.SplitSeq(text, "|") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		s, err := parseStep(line)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}
