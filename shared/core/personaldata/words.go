package personaldata

import "strings"

// spokenDigits are the words of digits, folded: English, Spanish, French, German, Italian, Portuguese, Romanian, Dutch and Polish.
// Portuguese um is left out, because English speakers say it between digits.
var spokenDigits = func() map[string]string {
	words := map[string]string{}
	for digit, names := range []string{
		"zero,oh,o,nought,naught,cero,null,nul,zerro",
		"one,uno,una,un,une,eins,uma,unu,een,jeden",
		"two,dos,deux,zwei,zwo,due,dois,duas,doi,doua,twee,dwa",
		"three,tres,trois,drei,tre,trei,drie,trzy",
		"four,cuatro,quatre,vier,quattro,quatro,patru,cztery",
		"five,cinco,cinq,funf,fuenf,cinque,cinci,vijf,piec",
		"six,seis,sechs,sei,meia,sase,zes,szesc",
		"seven,siete,sept,sieben,sette,sete,sapte,zeven,siedem",
		"eight,ocho,huit,acht,otto,oito,opt,osiem",
		"nine,niner,nueve,neuf,neun,nove,noua,negen,dziewiec",
	} {
		for name := range strings.SplitSeq(names, ",") {
			words[name] = string(rune('0' + digit))
		}
	}
	addPairs(words)
	return words
}()

// spokenWord says what a word means between digits.
type spokenWord struct {
	digits  string
	repeat  int
	filler  bool
	hundred bool
	plus    bool
	at      bool // a word for @
	link    bool // between tens and a unit: cuarenta y uno
}

// spokenWords has all words that mean something, so that each word of a text is looked up once.
var spokenWords = func() map[string]spokenWord {
	words := map[string]spokenWord{"plus": {plus: true}}
	add := func(word string, change func(*spokenWord)) {
		w := words[word]
		change(&w)
		words[word] = w
	}
	for word, digits := range spokenDigits {
		add(word, func(w *spokenWord) { w.digits = digits })
	}
	for word, n := range repeats {
		add(word, func(w *spokenWord) { w.repeat = n })
	}
	for word := range fillers {
		add(word, func(w *spokenWord) { w.filler = true })
	}
	for _, word := range []string{"hundred", "hundert", "cento"} {
		add(word, func(w *spokenWord) { w.hundred = true })
	}
	for _, word := range []string{"y", "et", "e", "und"} {
		add(word, func(w *spokenWord) { w.link = true })
	}
	for word := range atWords {
		add(word, func(w *spokenWord) { w.at = true })
	}
	return words
}()

// repeats are words for a digit that comes more than once.
var repeats = map[string]int{"double": 2, "triple": 3, "treble": 3, "quadruple": 4, "doble": 2, "doppel": 2}

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

var (
	// fillers are words that people say between the digits of one number.
	fillers = wordSet("uh um uhm er erm eh hmm and dash hyphen space then slash")
	// figureWords stand before a number that is not a person's.
	figureWords = wordSet(`order invoice ticket case booking reservation confirmation tracking reference ref transaction receipt serial
		model part item sku product job batch version build row request error code`)
	// figureLinks may stand between a figure word and its number.
	figureLinks = wordSet("number no nr id is num nummer")
	// units stand behind an amount.
	units = wordSet(`percent dollar dollars usd euro euros eur pound pounds gbp cents lei ron zloty pln yen francs chf ms milliseconds
		seconds minutes hours days years km kilometers miles meters bytes kb mb gb tokens points people units items`)
	// phoneWords may be joined to a telephone number by a dash.
	phoneWords = wordSet("tel telephone phone cell mobile mob fax nr no number call whatsapp sms")
	// atWords are words for @.
	atWords = wordSet("at arroba arobase chiocciola klammeraffe malpa arond apenstaartje")
	// dotWords are words for the dot in an address.
	dotWords = wordSet("dot period punto point punkt ponto punct punt kropka")
	// signWords may follow a word for @.
	signWords = wordSet("sign symbol")
	// localWords are words for the signs in the first part of an address.
	localWords = wordSet("dot period punto point punkt ponto punct punt kropka underscore dash hyphen minus plus underline guion guiao unterstrich bindestrich tiret trattino")
	// mailProviders are named without their domain.
	mailProviders = wordSet("gmail googlemail yahoo hotmail outlook icloud aol protonmail proton gmx")
	// topLevels are common names at the end of an address. Those of countries have two letters.
	topLevels = wordSet("com org net edu gov mil int info biz io dev app ai cloud online shop store tech site email mail name pro xyz health care example")
	// hostWords are no names of a mail server.
	hostWords = wordSet("the a an this that these those my your our his her their least first last all once")
	// placeWords stand before "at" and the address of a web site.
	placeWords = wordSet("us me it look looked looking find found visit online site website here available is are be see check more book order info")
)
