package providermsg

import (
	"maps"
	"strings"
)

// speakersByName holds the names of the two sides in providers' messages and transcripts, in lower case. Messages of other
// roles are left out.
var speakersByName = func() speakerNames {
	names := speakerNames{}
	for who, words := range map[Speaker]string{
		SpeakerCaller: "user,customer,caller,human,client,contact,lead,guest,patient,callee,buyer,visitor," +
			"kunde,kundin,nutzer,nutzerin,benutzer,anrufer,anruferin,cliente,usuario,usuaria,usuário,usuária,llamante," +
			"utilisateur,utilisatrice,appelant,appelante,utente,chiamante,klant,gebruiker,beller,klient,użytkownik,rozmówca," +
			"kund,användare,bruger,bruker,asiakas,käyttäjä,zákazník,müşteri,kullanıcı,клиент,пользователь,клієнт," +
			"用户,客户,顧客,お客様,ユーザー,고객,사용자,العميل,المستخدم,ग्राहक",
		SpeakerAssistant: "assistant,bot,ai,agent,model,virtual assistant,voice assistant,ai assistant,ai agent,voicebot,chatbot," +
			"assistent,assistentin,ki,agentin,sprachassistent,asistente,asistente virtual,agente,ia,assistente,assistente virtual," +
			"assistante,assistant virtuel,asystent,agentka,avustaja,asistent,asistan,yapay zeka,ассистент,помощник,бот,агент,асистент," +
			"助手,助理,客服,机器人,アシスタント,ボット,エージェント,어시스턴트,상담원,봇,المساعد,सहायक",
	} {
		for name := range strings.SplitSeq(words, ",") {
			names[name] = who
		}
	}
	return names
}()

// speakerNames says who speaks under a name, which is in lower case.
type speakerNames map[string]Speaker

// speaker returns who speaks under a name; empty if that is not known. "User 1" is a user, and "Riley (AI)" is Riley.
func (n speakerNames) speaker(name string) Speaker {
	name = strings.ToLower(strings.TrimSpace(name))
	if who, ok := n[name]; ok {
		return who
	}
	name, _, _ = strings.Cut(name, "(")
	return n[strings.TrimRight(name, " 0123456789#")]
}

// speakerNames returns the general names, and those that the report gives the two sides: the transcript plan's, the assistants'
// and the customer's (https://docs.vapi.ai/api-reference/assistants/create, TranscriptPlan).
func (m Message) speakerNames() speakerNames {
	names := maps.Clone(speakersByName)
	add := func(who Speaker, name string) {
		if name = strings.ToLower(name); name != "" && len(name) <= maxLabel {
			names[name] = who
		}
	}
	addPerson := func(who Speaker, name string) {
		add(who, name)
		first, _, _ := strings.Cut(name, " ") // Riley - Harbor Dental
		if _, taken := names[strings.ToLower(first)]; !taken && len(first) > 2 {
			add(who, first)
		}
	}
	addPerson(SpeakerCaller, m.Text("customer.name", "call.customer.name", "customerName"))
	for _, path := range []string{"assistant.name", "call.assistant.name", "assistantName", "assistant.assistantName"} {
		addPerson(SpeakerAssistant, m.Text(path))
	}
	for _, active := range m.Objects("artifact.assistantActivations") {
		addPerson(SpeakerAssistant, active.Text("assistantName"))
	}
	for _, holder := range []string{"", "assistant.", "call.assistant.", "assistantOverrides.", "call.assistantOverrides.", "call."} {
		for _, plan := range []string{"artifactPlan.transcriptPlan.", "transcriptPlan."} {
			add(SpeakerAssistant, m.Text(holder+plan+"assistantName"))
			add(SpeakerCaller, m.Text(holder+plan+"userName"))
		}
	}
	return names
}
