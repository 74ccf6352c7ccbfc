package script

import "strings"

// Sentences are what a caller hears when something fails, or when they say nothing.
type Sentences struct {
	Apology    string // we cannot take the call, and it ends
	Connecting string // something failed, and another line is called
	NoService  string // the number that was called has no assistant
	Busy       string // the line of a transfer is busy; the conversation goes on
	NoAnswer   string // the line of a transfer did not answer, or could not be called; the conversation goes on
	Notice     string // the call is recorded
	StillThere string // the caller says nothing
	Goodbye    string // the caller still says nothing, and the call ends
}

var english = Sentences{
	Apology:    "We are sorry. We cannot take your call right now. Please try again later.",
	Connecting: "We are sorry, something went wrong. Please hold while we connect you.",
	NoService:  "This number is not in service.",
	Busy:       "The line is busy. How else can I help you?",
	NoAnswer:   "There was no answer. How else can I help you?",
	Notice:     "This call is recorded.",
	StillThere: "Are you still there?",
	Goodbye:    "I cannot hear you, so I will end the call now. Goodbye.",
}

var sentences = map[string]Sentences{
	"es": {"Lo sentimos. En este momento no podemos atender su llamada. Inténtelo de nuevo más tarde.",
		"Lo sentimos, ha ocurrido un error. No cuelgue, por favor; le pasamos la llamada.",
		"Este número no está en servicio.", "La línea está ocupada. ¿En qué más puedo ayudarle?",
		"No hay respuesta. ¿En qué más puedo ayudarle?", "Esta llamada se graba.",
		"¿Sigue ahí?", "No le oigo, así que voy a terminar la llamada. Adiós."},
	"fr": {"Nous sommes désolés. Nous ne pouvons pas prendre votre appel pour le moment. Veuillez réessayer plus tard.",
		"Nous sommes désolés, une erreur est survenue. Ne quittez pas, nous transférons votre appel.",
		"Ce numéro n'est pas en service.", "La ligne est occupée. Comment puis-je vous aider autrement ?",
		"Il n'y a pas de réponse. Comment puis-je vous aider autrement ?", "Cet appel est enregistré.",
		"Vous êtes toujours là ?", "Je ne vous entends pas, je vais donc mettre fin à l'appel. Au revoir."},
	"de": {"Es tut uns leid. Wir können Ihren Anruf gerade nicht annehmen. Bitte versuchen Sie es später noch einmal.",
		"Es tut uns leid, es ist ein Fehler aufgetreten. Bitte bleiben Sie dran, wir verbinden Sie.",
		"Diese Nummer ist nicht vergeben.", "Der Anschluss ist besetzt. Wie kann ich Ihnen sonst helfen?",
		"Es hat sich niemand gemeldet. Wie kann ich Ihnen sonst helfen?", "Dieser Anruf wird aufgezeichnet.",
		"Sind Sie noch da?", "Ich kann Sie nicht hören und beende deshalb das Gespräch. Auf Wiederhören."},
	"pt": {"Lamentamos. Não podemos atender a sua chamada neste momento. Tente novamente mais tarde.",
		"Lamentamos, ocorreu um erro. Aguarde, por favor, enquanto transferimos a chamada.",
		"Este número não está em serviço.", "A linha está ocupada. Em que mais posso ajudar?",
		"Ninguém atendeu. Em que mais posso ajudar?", "Esta chamada está a ser gravada.",
		"Ainda está aí?", "Não o consigo ouvir, por isso vou terminar a chamada. Até à próxima."},
	"it": {"Ci dispiace. Al momento non possiamo rispondere alla sua chiamata. Riprovi più tardi.",
		"Ci dispiace, si è verificato un errore. Resti in linea, la mettiamo in contatto.",
		"Questo numero non è attivo.", "La linea è occupata. Come altro posso aiutarla?",
		"Non c'è risposta. Come altro posso aiutarla?", "Questa chiamata è registrata.",
		"È ancora in linea?", "Non la sento, quindi chiudo la chiamata. Arrivederci."},
	"nl": {"Het spijt ons. We kunnen uw oproep nu niet aannemen. Probeer het later opnieuw.",
		"Het spijt ons, er is iets misgegaan. Blijf aan de lijn, we verbinden u door.",
		"Dit nummer is niet in gebruik.", "De lijn is bezet. Waarmee kan ik u verder helpen?",
		"Er werd niet opgenomen. Waarmee kan ik u verder helpen?", "Dit gesprek wordt opgenomen.",
		"Bent u er nog?", "Ik hoor u niet, dus ik beëindig nu het gesprek. Tot ziens."},
}

// In returns the sentences in the language of a BCP 47 tag, else in English.
func In(language string) Sentences {
	primary, _, _ := strings.Cut(strings.ToLower(language), "-")
	if s, ok := sentences[primary]; ok {
		return s
	}
	return english
}
