package twilio

import (
	"context"
	"log/slog"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/twilio/twilio-go/twiml"

	"example.com/aurora/shared/core/aurora"
)

// relayElement returns the noun ConversationRelay. Its attributes are documented at
// https://www.twilio.com/docs/voice/twiml/connect/conversationrelay.
//
// An impossible value of voice, speechModel or language ends the call at its first word, and one that is left out has a
// default that works. So only values are written that are known to fit together.
func relayElement(ctx context.Context, s aurora.RelaySession) twiml.Element {
	language := relayLanguage(ctx, s.Assistant)
	model := speechModel(ctx, s.Assistant, language)
	noun := &twiml.VoiceConversationRelay{
		Url:             s.URL,
		WelcomeGreeting: spokenWords(s.Greeting),
		Language:        language,
		Interruptible:   "any",
		// With another value prompts arrive while the assistant speaks and was not interrupted.
		ReportInputDuringAgentSpeech: "none",
		DtmfDetection:                "true",
		Events:                       "speaker-events",
		Hints:                        hints(s.Assistant),
		InnerElements:                []twiml.Element{&twiml.VoiceParameter{Name: "token", Value: s.Token}},
		// The library has no fields for the first one, and writes the name of the second one in lower case, which Twilio
		// ignores without an error.
		OptionalAttributes: map[string]string{"applicationReconnect": "true", "ignoreBackchannel": "true"},
	}
	if voice := relayVoice(ctx, s.Assistant); voice != "" {
		noun.TtsProvider, noun.Voice = "ElevenLabs", voice
	}
	if model != "" {
		noun.TranscriptionProvider, noun.SpeechModel = "Deepgram", model
	}
	if timeout := speechTimeout(s.Assistant, model); timeout != "" {
		maps.Copy(noun.OptionalAttributes, map[string]string{"speechTimeout": timeout})
	}
	return noun
}

var (
	// voiceID is the form of ElevenLabs' own ids. Voice servers also take nicknames such as burt, which Twilio does not know.
	voiceID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9]{20}$`) })

	// relayLanguages are the languages that ElevenLabs' and all of Deepgram's multilingual models speak and understand.
	// https://developers.deepgram.com/docs/models-languages-overview, https://elevenlabs.io/docs/models
	relayLanguages = strings.Fields("en-US en-GB en-AU en-IN en-NZ es-US es-ES fr-FR fr-CA de-DE it-IT pt-BR pt-PT nl-NL hi-IN ja-JP")
)

// relayLanguage returns the language of a session; empty for Twilio's default, en-US.
func relayLanguage(ctx context.Context, a aurora.Assistant) string {
	if a.Language == "" {
		return ""
	}
	language := knownLanguage(a.Language, relayLanguages)
	if language == "" {
		logLeftOut(ctx, a, "language")
	}
	return language
}

// elevenLabsModels are the models of ElevenLabs that Twilio offers, without their prefix. Those of version 2 speak English
// only.
var elevenLabsModels = map[string]bool{"flash_v2_5": true, "turbo_v2_5": true, "flash_v2": false, "turbo_v2": false}

// relayVoice returns the voice of a session; empty for Twilio's default.
func relayVoice(ctx context.Context, a aurora.Assistant) string {
	voice := string(a.ElevenLabsVoiceID)
	if voice == "" {
		return ""
	}
	if !voiceID().MatchString(voice) {
		logLeftOut(ctx, a, "elevenLabsVoiceId")
		return ""
	}
	model := strings.TrimPrefix(string(a.ElevenLabsModel), "eleven_")
	multilingual, known := elevenLabsModels[model]
	switch {
	case model == "":
		return voice
	case !known || !multilingual && !isEnglish(a.Language):
		logLeftOut(ctx, a, "elevenLabsModel")
		return voice
	}
	return voice + "-" + model
}

// speechModels are Deepgram's models by the names that voice servers use.
var speechModels = map[string]string{"nova-2": "nova-2-general", "nova-2-general": "nova-2-general", "nova-3": "nova-3-general",
	"nova-3-general": "nova-3-general", "flux": "flux"}

// speechModel returns the model that understands the caller; empty for Twilio's default. For other languages than English the
// default is chosen by Twilio, which knows the models of each.
func speechModel(ctx context.Context, a aurora.Assistant, language string) string {
	name := string(a.DeepgramModel)
	model := speechModels[name]
	if name != "" && (model == "" || !isEnglish(language) || !isEnglish(a.Language)) {
		logLeftOut(ctx, a, "deepgramModel")
		return ""
	}
	return model
}

// isEnglish reports whether a BCP 47 tag is of English. No language is English, Twilio's default.
func isEnglish(tag string) bool {
	primary, _, _ := strings.Cut(tag, "-")
	return tag == "" || strings.EqualFold(primary, "en")
}

// speechTimeout returns after how many milliseconds of silence the caller's turn ends: the assistant's gracePeriodMs if Twilio
// accepts it. Flux finds the end of a turn by what was said.
func speechTimeout(a aurora.Assistant, model string) string {
	n, err := strconv.Atoi(string(a.GracePeriodMs))
	if err != nil || n < 600 || n > 5000 || model == "flux" {
		return ""
	}
	return strconv.Itoa(n)
}

// maxHintRunes bounds the hints, which are a list of names.
const maxHintRunes = 200

// hints returns the names that callers say and a transcript would spell in another way.
func hints(a aurora.Assistant) string {
	var names []string
	for _, name := range []string{string(a.AssistantName), string(a.OrgName)} {
		if name = spokenWords(strings.ReplaceAll(name, ",", " ")); name != "" {
			names = append(names, name)
		}
	}
	list := strings.Join(names, ", ")
	if len([]rune(list)) > maxHintRunes {
		return ""
	}
	return list
}

// logLeftOut logs that a field of the assistant has no value that ConversationRelay is known to accept.
func logLeftOut(ctx context.Context, a aurora.Assistant, field string) {
	slog.InfoContext(ctx, "a field of the assistant has no counterpart in ConversationRelay and is left out", "event", "relay.field_left_out", "field", field, "assistantId", a.ID())
}
