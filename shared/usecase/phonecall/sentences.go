package phonecall

import "strings"

// sentences are what a caller hears who says nothing.
type sentences struct{ stillThere, goodbye string }

var silenceSentences = map[string]sentences{
	"en": {"Are you still there?", "I cannot hear you, so I will end the call now. Goodbye."},
	"es": {"¿Sigue ahí?", "No le oigo, así que voy a terminar la llamada. Adiós."},
	"fr": {"Vous êtes toujours là ?", "Je ne vous entends pas, je vais donc mettre fin à l'appel. Au revoir."},
	"de": {"Sind Sie noch da?", "Ich kann Sie nicht hören und beende deshalb das Gespräch. Auf Wiederhören."},
	"pt": {"Ainda está aí?", "Não o consigo ouvir, por isso vou terminar a chamada. Até à próxima."},
	"it": {"È ancora in linea?", "Non la sento, quindi chiudo la chiamata. Arrivederci."},
	"nl": {"Bent u er nog?", "Ik hoor u niet, dus ik beëindig nu het gesprek. Tot ziens."},
}

// sentencesIn returns the sentences in the language of a BCP 47 tag, else in English.
func sentencesIn(language string) sentences {
	primary, _, _ := strings.Cut(strings.ToLower(language), "-")
	if s, ok := silenceSentences[primary]; ok {
		return s
	}
	return silenceSentences["en"]
}
