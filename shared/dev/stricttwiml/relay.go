package stricttwiml

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// who is a kind of input that may interrupt.
var who = oneOf("none", "dtmf", "speech", "any", "true", "false")

// relayAttributes are the attributes of ConversationRelay besides those of the voice.
var relayAttributes = map[string]value{
	"url": socketAddress, "welcomeGreeting": anyText, "welcomeGreetingInterruptible": who, "language": relayLanguage, "ttsLanguage": relayLanguage,
	"transcriptionLanguage": relayLanguage, "eotThreshold": decimalBetween(0.5, 0.9), "partialPrompts": boolean, "speechTimeout": speechTimeout,
	"interruptible": who, "interruptSensitivity": oneOf("high", "medium", "low"), "reportInputDuringAgentSpeech": oneOf("none", "dtmf", "speech", "any"),
	"ignoreBackchannel": boolean, "preemptible": boolean, "dtmfDetection": boolean, "hints": anyText, "deepgramSmartFormat": boolean,
	"profanityFilter": boolean, "backgroundNoiseReduction": anyText, "elevenlabsTextNormalization": oneOf("on", "auto", "off"),
	"events": words("speaker-events", "tokens-played"), "debug": words("debugging", "speaker-events", "tokens-played"), "intelligenceService": anyText,
	"conversationConfiguration": anyText, "conversationId": anyText, "applicationReconnect": boolean,
}

// speechAttributes are the attributes that ConversationRelay and Language share. Their values are checked by FatalProblems,
// because a wrong one ends the session.
var speechAttributes = map[string]value{"ttsProvider": anyText, "voice": anyText, "transcriptionProvider": anyText, "speechModel": anyText}

// relayLanguage also accepts multi, which stands for automatic detection.
func relayLanguage(v string) string {
	if v == "multi" {
		return ""
	}
	return language(v)
}

func decimalBetween(least, most float64) value {
	return func(v string) string {
		if f, err := strconv.ParseFloat(v, 64); err != nil || f < least || f > most {
			return fmt.Sprintf("want a number from %v to %v", least, most)
		}
		return ""
	}
}

func speechTimeout(v string) string {
	if v == "auto" {
		return ""
	}
	return between(600, 5000)(v)
}

// checkRelay returns the deviations that concern several attributes of ConversationRelay.
func checkRelay(e Element) []string {
	var problems []string
	if u, err := url.Parse(e.Attributes["url"]); err == nil && (u.RawQuery != "" || u.Fragment != "") {
		problems = append(problems, fmt.Sprintf("<ConversationRelay url=%q>: Twilio signs a query apart from the address, and drops a fragment; use <Parameter>", e.Attributes["url"]))
	}
	if _, given := e.Attributes["eotThreshold"]; given && e.Attributes["speechModel"] != "flux" {
		problems = append(problems, "<ConversationRelay> has eotThreshold, which counts only with speechModel flux")
	}
	seen := map[string]bool{}
	for _, c := range e.Children {
		name := c.Name + " " + c.Attributes["name"] + c.Attributes["code"]
		if seen[name] {
			problems = append(problems, fmt.Sprintf("<ConversationRelay> has <%s> twice", name))
		}
		seen[name] = true
	}
	return problems
}

var (
	// A voice of ElevenLabs: its id, and possibly the model without eleven_, the speed, the stability and the similarity.
	elevenLabsVoice = regexp.MustCompile(`^[A-Za-z0-9]{20}(-[a-z0-9_]+-([0-9.]+)_([0-9.]+)_([0-9.]+))?$`)
	googleVoice     = regexp.MustCompile(`^[a-z]{2,3}-[A-Z]{2}-[A-Za-z0-9-]+$`)
	amazonVoice     = regexp.MustCompile(`^[A-Z][a-z]+(-Neural|-Generative|-Long-form)?$`)
)

// FatalProblems returns why a ConversationRelay session with these attributes ends with error 64101 before its first word:
// https://www.twilio.com/docs/voice/conversationrelay/voice-configuration
func FatalProblems(relay Element) []string {
	spoken := relay.Attribute("ttsLanguage", relay.Attribute("language", "en-US"))
	heard := relay.Attribute("transcriptionLanguage", relay.Attribute("language", "en-US"))
	problems := append(fatalVoice(relay, spoken), fatalTranscription(relay, heard)...)
	for _, c := range relay.Children {
		if c.Name != "Language" {
			continue
		}
		inherited := Element{Name: c.Name, Attributes: map[string]string{}}
		for name := range speechAttributes {
			if v := c.Attribute(name, relay.Attributes[name]); v != "" && !(name == "voice" && c.Attributes["voice"] == "") {
				inherited.Attributes[name] = v
			}
		}
		code := c.Attributes["code"]
		problems = append(problems, append(fatalVoice(inherited, code), fatalTranscription(inherited, code)...)...)
	}
	return problems
}

func fatalVoice(e Element, language string) []string {
	provider, voice := e.Attribute("ttsProvider", "ElevenLabs"), e.Attributes["voice"]
	patterns := map[string]*regexp.Regexp{"ElevenLabs": elevenLabsVoice, "Google": googleVoice, "Amazon": amazonVoice}
	pattern := patterns[provider]
	switch {
	case pattern == nil:
		return []string{fmt.Sprintf("<%s ttsProvider=%q>: want ElevenLabs, Google or Amazon", e.Name, provider)}
	case language == "multi" && provider != "ElevenLabs":
		return []string{"language multi needs the ttsProvider ElevenLabs"}
	case voice == "":
		return nil
	case !pattern.MatchString(voice):
		return []string{fmt.Sprintf("<%s voice=%q>: not a voice of %s", e.Name, voice, provider)}
	case provider == "ElevenLabs" && strings.Contains(voice, "-"):
		return fatalVoiceSettings(e.Name, voice)
	case provider == "Google" && !strings.HasPrefix(voice, language+"-"):
		return []string{fmt.Sprintf("<%s voice=%q>: the voice does not speak %s", e.Name, voice, language)}
	}
	return nil
}

// fatalVoiceSettings checks what follows the id of a voice of ElevenLabs.
func fatalVoiceSettings(name, voice string) []string {
	m := elevenLabsVoice.FindStringSubmatch(voice)
	if strings.Contains(m[1], "-eleven_") {
		return []string{fmt.Sprintf("<%s voice=%q>: the model is named without eleven_", name, voice)}
	}
	for i, limits := range [][2]float64{{0.7, 1.2}, {0, 1}, {0, 1}} {
		if f, err := strconv.ParseFloat(m[i+2], 64); err != nil || f < limits[0] || f > limits[1] {
			return []string{fmt.Sprintf("<%s voice=%q>: %s is not from %v to %v", name, voice, m[i+2], limits[0], limits[1])}
		}
	}
	return nil
}

// speechModels are the models of each provider of transcription.
var speechModels = map[string][]string{"Deepgram": {"nova-3-general", "nova-2-general", "flux"}, "Google": {"telephony", "long"}}

func fatalTranscription(e Element, language string) []string {
	provider, model := e.Attribute("transcriptionProvider", "Deepgram"), e.Attributes["speechModel"]
	switch models := speechModels[provider]; {
	case models == nil:
		return []string{fmt.Sprintf("<%s transcriptionProvider=%q>: want Deepgram or Google", e.Name, provider)}
	case language == "multi" && provider != "Deepgram":
		return []string{"language multi needs the transcriptionProvider Deepgram"}
	case model != "" && !slices.Contains(models, model):
		return []string{fmt.Sprintf("<%s speechModel=%q>: not a model of %s", e.Name, model, provider)}
	case model == "flux" && language != "multi" && !strings.HasPrefix(language, "en"):
		return []string{fmt.Sprintf("<%s speechModel=%q>: the model does not understand %s", e.Name, model, language)}
	}
	return nil
}
