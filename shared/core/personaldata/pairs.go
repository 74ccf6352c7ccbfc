package personaldata

import (
	"strconv"
	"strings"
)

// addPairs adds the words of the numbers from 10 to 99, for numbers that are said in pairs: English, French, Spanish, German and
// Italian. Where a number is said in several words, numberScanner joins them: forty one, cuarenta y uno, soixante-dix-huit.
func addPairs(words map[string]string) {
	list := func(from, step int, names string) {
		for i, name := range strings.Split(names, ",") {
			if name != "" {
				words[name] = strconv.Itoa(from + i*step)
			}
		}
	}
	list(10, 1, "ten,eleven,twelve,thirteen,fourteen,fifteen,sixteen,seventeen,eighteen,nineteen")
	list(20, 10, "twenty,thirty,forty,fifty,sixty,seventy,eighty,ninety")
	list(40, 10, "fourty")
	list(10, 1, "dix,onze,douze,treize,quatorze,quinze,seize")
	list(20, 10, "vingt,trente,quarante,cinquante,soixante,septante,huitante,nonante")
	list(20, 10, "vingts")
	list(10, 1, "diez,once,doce,trece,catorce,quince,dieciseis,diecisiete,dieciocho,diecinueve,veinte,veintiuno,veintidos,veintitres,veinticuatro,veinticinco,veintiseis,veintisiete,veintiocho,veintinueve")
	list(30, 10, "treinta,cuarenta,cincuenta,sesenta,setenta,ochenta,noventa")
	list(10, 1, "zehn,elf,zwolf,dreizehn,vierzehn,funfzehn,sechzehn,siebzehn,achtzehn,neunzehn")
	list(10, 1, "dieci,undici,dodici,tredici,quattordici,quindici,sedici,diciassette,diciotto,diciannove")
	for i, tens := range strings.Split("zwanzig,dreisig,vierzig,funfzig,sechzig,siebzig,achtzig,neunzig", ",") {
		words[tens] = strconv.Itoa(10 * (i + 2))
		for unit, name := range strings.Split("ein,zwei,drei,vier,funf,sechs,sieben,acht,neun", ",") {
			words[name+"und"+tens] = strconv.Itoa(10*(i+2) + unit + 1)
		}
	}
	for i, tens := range strings.Split("venti,trenta,quaranta,cinquanta,sessanta,settanta,ottanta,novanta", ",") {
		words[tens] = strconv.Itoa(10 * (i + 2))
		for unit, name := range strings.Split("uno,due,tre,quattro,cinque,sei,sette,otto,nove", ",") {
			joined := tens + name
			if name[0] == 'u' || name[0] == 'o' { // ventuno, ventotto
				joined = tens[:len(tens)-1] + name
			}
			words[joined] = strconv.Itoa(10*(i+2) + unit + 1)
		}
	}
	for word, digits := range words {
		if strings.Contains(word, "dreisig") {
			words[strings.Replace(word, "dreisig", "dreissig", 1)] = digits
		}
	}
}

// joinPair returns the number that two words make: tens and a unit, or French 70 to 99 and 17 to 19. It is not ok for two numbers.
func joinPair(first, second []byte) (joined []byte, ok bool) {
	a, b := number(first), number(second)
	switch {
	case len(first) == 2 && len(second) == 1 && a >= 20 && a%10 == 0 && b > 0: // forty one
	case a == 10 && len(second) == 1 && b >= 7: // dix-sept
	case (a == 60 || a == 80) && len(first) == 2 && b >= 10 && b <= 19 && len(second) == 2: // soixante-dix
	case (a == 70 || a == 90) && len(first) == 2 && len(second) == 1 && b > 0: // soixante-dix, huit
	case a == 4 && len(first) == 1 && b == 20: // quatre-vingt
		return []byte("80"), true
	default:
		return nil, false
	}
	return []byte(strconv.Itoa(a + b)), true
}
