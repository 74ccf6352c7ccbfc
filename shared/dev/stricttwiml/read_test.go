package stricttwiml_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/twiml"

	"example.com/aurora/shared/dev/stricttwiml"
)

func TestReadProblems(t *testing.T) {
	relay := func(attributes string) string {
		return `<Connect action="https://api.example.com/after"><ConversationRelay url="wss://relay.example.com/live" ` + attributes + `/></Connect>`
	}
	for name, c := range map[string]struct {
		verbs string
		want  []string // a part of each problem, in order
	}{
		"nothing":                      {``, nil},
		"say and hang up":              {`<Say voice="Polly.Joanna" language="en-US">Sorry.</Say><Hangup/>`, nil},
		"dial":                         {`<Dial action="https://api.example.com/after?dial=1" answerOnBridge="true" timeout="25" callerId="+15551230100"><Number>+14155550110</Number></Dial>`, nil},
		"dial by SIP":                  {`<Dial><Sip>sip:desk@example.com</Sip></Dial>`, nil},
		"dial a number as text":        {`<Dial>+14155550110</Dial>`, nil},
		"reject":                       {`<Reject reason="busy"/>`, nil},
		"record, then connect":         {`<Start><Recording channels="dual" recordingStatusCallback="https://api.example.com/status" recordingStatusCallbackEvent="completed absent"/></Start>` + relay(""), nil},
		"relay":                        {relay(`speechTimeout="auto" ignoreBackchannel="true" eotThreshold="0.8" speechModel="flux" events="speaker-events tokens-played" applicationReconnect="true"`), nil},
		"parameters":                   {`<Connect><ConversationRelay url="wss://relay.example.com"><Parameter name="token" value="a&amp;b"/><Language code="es-ES"/></ConversationRelay></Connect>`, nil},
		"wrong letter case of a name":  {relay(`speechtimeout="800" Ignorebackchannel="true"`), []string{"the name is ignoreBackchannel", "the name is speechTimeout"}},
		"wrong letter case of a value": {relay(`interruptible="Any" dtmfDetection="True"`), []string{`dtmfDetection="True"`, `interruptible="Any"`}},
		"wrong letter case of a noun":  {`<Connect><Conversationrelay url="wss://relay.example.com"/></Connect>`, []string{"the name is ConversationRelay"}},
		"wrong letter case of a verb":  {`<say>Hi</say>`, []string{"the name is Say"}},
		"unknown verb":                 {`<Sing>Hi</Sing>`, []string{"unknown verb: Sing"}},
		"address without TLS":          {`<Connect><ConversationRelay url="ws://relay.example.com"/></Connect>`, []string{"must begin with wss://"}},
		"no address":                   {`<Connect><ConversationRelay/></Connect>`, []string{"lacks its attribute url"}},
		"address with a query":         {`<Connect><ConversationRelay url="wss://relay.example.com/?cid=1"/></Connect>`, []string{"use <Parameter>"}},
		"values outside their range":   {relay(`eotThreshold="0.3" speechModel="flux" speechTimeout="100"`), []string{"eotThreshold", "speechTimeout"}},
		"threshold without flux":       {relay(`eotThreshold="0.8"`), []string{"only with speechModel flux"}},
		"two nouns":                    {`<Connect><ConversationRelay url="wss://a.example.com"/><Stream url="wss://a.example.com"/></Connect>`, []string{"has 2 nouns"}},
		"parameter twice":              {`<Connect><ConversationRelay url="wss://a.example.com"><Parameter name="token" value="a"/><Parameter name="token" value="b"/></ConversationRelay></Connect>`, []string{"twice"}},
		"parameter without a name":     {`<Connect><Stream url="wss://a.example.com"><Parameter value="b"/></Stream></Connect>`, []string{"lacks its attribute name"}},
		"national number":              {`<Dial><Number>4155550110</Number></Dial>`, []string{"not a number in E.164"}},
		"empty dial":                   {`<Dial/>`, []string{"is empty"}},
		"nothing to say":               {`<Say> </Say>`, []string{"is empty"}},
		"text where none belongs":      {`<Hangup>now</Hangup>`, []string{"must not have the text"}},
		"text beside the verbs":        {`Hello<Hangup/>`, []string{"beside its verbs"}},
		"address that is none":         {`<Dial action="javascript:x">+14155550110</Dial>`, []string{"http or https"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems, err := stricttwiml.Read(`<?xml version="1.0" encoding="UTF-8"?><Response>` + c.verbs + `</Response>`)
			if err != nil || len(problems) != len(c.want) {
				t.Fatalf("problems %q, error %v; want %q", problems, err, c.want)
			}
			for i, want := range c.want {
				if !strings.Contains(problems[i], want) {
					t.Errorf("problem %q; want one with %q", problems[i], want)
				}
			}
		})
	}
}

func TestReadRejectsWhatIsNotTwiML(t *testing.T) {
	for _, document := range []string{"", "Hello", "{}", "<Say>Hi</Say>", "<Response>", "<Response/><Response/>", "<response/>", "<Response><Say>Hi & bye</Say></Response>"} {
		if verbs, _, err := stricttwiml.Read(document); !errors.Is(err, stricttwiml.ErrNotTwiML) {
			t.Errorf("%q was read as %v, error %v", document, verbs, err)
		}
	}
}

// The library that writes our TwiML names four attributes in the wrong letter case.
func TestReadFindsNamesOfTheLibrary(t *testing.T) {
	document, err := twiml.Voice([]twiml.Element{&twiml.VoiceConnect{InnerElements: []twiml.Element{&twiml.VoiceConversationRelay{
		Url: "wss://relay.example.com", Speechtimeout: "800", Ignorebackchannel: "true", Deepgramsmartformat: "true", WelcomeGreeting: `Tom & "Ann" <b>`}}}})
	if err != nil {
		t.Fatal(err)
	}
	verbs, problems, err := stricttwiml.Read(document)
	if err != nil || len(problems) != 3 {
		t.Errorf("%s: problems %q, error %v; want three names", document, problems, err)
	}
	relay, _ := verbs[0].Child("ConversationRelay")
	if got := relay.Attribute("welcomeGreeting", ""); got != `Tom & "Ann" <b>` {
		t.Errorf("the greeting is read as %q", got)
	}
}

func TestFatalProblems(t *testing.T) {
	for attributes, fatal := range map[string]bool{
		``:                             false,
		`voice="UgBBYS2sOqTuMpoF3BR0"`: false,
		`voice="UgBBYS2sOqTuMpoF3BR0-flash_v2_5-1.0_0.8_0.8"`:        false,
		`voice="UgBBYS2sOqTuMpoF3BR0-eleven_flash_v2_5-1.0_0.8_0.8"`: true,
		`voice="UgBBYS2sOqTuMpoF3BR0-flash_v2_5-2.0_0.8_0.8"`:        true,
		`voice="UgBBYS2sOqTuMpoF3BR0-flash_v2_5-1.0_0.8_7"`:          true,
		`voice="rachel"`:                                                    true,
		`ttsProvider="elevenlabs"`:                                          true,
		`ttsProvider="Google" voice="en-US-Journey-O"`:                      false,
		`ttsProvider="Google" voice="en-US-Journey-O" language="de-DE"`:     true,
		`ttsProvider="Google" voice="UgBBYS2sOqTuMpoF3BR0"`:                 true,
		`ttsProvider="Amazon" voice="Joanna-Neural"`:                        false,
		`speechModel="nova-2"`:                                              true,
		`speechModel="nova-2-general"`:                                      false,
		`speechModel="flux"`:                                                false,
		`speechModel="flux" language="fr-FR"`:                               true,
		`speechModel="telephony"`:                                           true,
		`speechModel="telephony" transcriptionProvider="Google"`:            false,
		`transcriptionProvider="google"`:                                    true,
		`language="multi"`:                                                  false,
		`language="multi" transcriptionProvider="Google"`:                   true,
		`language="multi" ttsProvider="Google"`:                             true,
		`language="en-US" transcriptionLanguage="fr-FR" speechModel="flux"`: true,
		`language="fr-FR" transcriptionLanguage="en-US" speechModel="flux"`: false,
	} {
		verbs, problems, err := stricttwiml.Read(`<Response><Connect><ConversationRelay url="wss://relay.example.com" ` + attributes + `/></Connect></Response>`)
		if err != nil || len(problems) > 0 {
			t.Fatalf("%s: problems %q, error %v", attributes, problems, err)
		}
		if got := stricttwiml.FatalProblems(verbs[0].Children[0]); (len(got) > 0) != fatal {
			t.Errorf("%s: fatal problems %q, want some: %t", attributes, got, fatal)
		}
	}
	verbs, _, _ := stricttwiml.Read(`<Response><Connect><ConversationRelay url="wss://relay.example.com" speechModel="flux" voice="UgBBYS2sOqTuMpoF3BR0">
		<Language code="de-DE"/><Language code="es-ES" speechModel="nova-3-general"/></ConversationRelay></Connect></Response>`)
	if got := stricttwiml.FatalProblems(verbs[0].Children[0]); len(got) != 1 || !slices.ContainsFunc(got, func(p string) bool { return strings.Contains(p, "de-DE") }) {
		t.Errorf("fatal problems %q; want one for the language whose model is inherited", got)
	}
}
