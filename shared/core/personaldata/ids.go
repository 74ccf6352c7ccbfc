package personaldata

import "strings"

// idForm is the form of a national identification number that has letters. In a pattern a is a letter, 9 a digit, * either, ~ a
// space, dot or dash that may be missing, and any other character itself.
type idForm struct {
	pattern string
	accept  func(id string) bool
}

var idForms = []idForm{
	{"aa~99~99~99~a", isNINO},                // United Kingdom
	{"99~999~999~a", isDNI},                  // Spain
	{"a~9999999~a", isNIE},                   // Spain, foreigners
	{"a9999999a", isNRIC},                    // Singapore
	{"aaa~aaa~**a**~a***a", isCodiceFiscale}, // Italy
	{"aaaa999999aaaaaa*9", isCURP},           // Mexico
	{"9999999aa", isPPS},                     // Ireland
	{"9999999a", isPPS},                      //
	{"999999-999*", isHETU},                  // Finland
	{"999999+999*", isHETU},                  // Finland, born before 1900
	{"999999a999*", isHETU},                  // Finland, born since 2000
	{"99999999999999999x", func(id string) bool { return isChineseID([]byte(id)) }},
	{"9~99~99~2a~999~999~99", isCorsicanNIR}, // France, Corsica
}

// maxFirstDigit is before which character every form has its first digit.
const maxFirstDigit = 8

// findIDs reports the numbers with letters: national identification numbers and IBANs.
func findIDs(b []byte, found func(kind Kind, from, to int)) {
	nextDigit := -1 // the first digit at or after i
	for i := 0; i < len(b); i++ {
		if !isWordByte(b[i]) || i > 0 && isWordByte(b[i-1]) {
			continue
		}
		if nextDigit < i {
			for nextDigit = i; nextDigit < len(b) && !isDigit(b[nextDigit]); nextDigit++ {
			}
		}
		if nextDigit-i > maxFirstDigit {
			continue
		}
		if to := ibanEnd(b, i); to > 0 {
			found(IBAN, i, to)
			i = to - 1
			continue
		}
		for _, form := range idForms {
			if id, to := matchForm(b, i, form.pattern); to > 0 && form.accept(id) {
				found(NationalID, i, to)
				i = to - 1
				break
			}
		}
	}
}

// matchForm matches a pattern at i. It returns the characters without separators, and the end of the match; 0 if there is none.
func matchForm(b []byte, i int, pattern string) (id string, end int) {
	var chars [32]byte
	n := 0
	for p := range len(pattern) {
		c := pattern[p]
		if c == '~' {
			if i < len(b) && (b[i] == ' ' || b[i] == '-' || b[i] == '.') {
				i++
			}
			continue
		}
		if i >= len(b) {
			return "", 0
		}
		ok := b[i] == c
		switch c {
		case 'a':
			ok = isLetter(b[i])
		case '9':
			ok = isDigit(b[i])
		case '*':
			ok = isLetter(b[i]) || isDigit(b[i])
		}
		if !ok {
			return "", 0
		}
		chars[n] = b[i]
		n++
		i++
	}
	if i < len(b) && isWordByte(b[i]) {
		return "", 0
	}
	return string(chars[:n]), i
}

// ibanLengths are the lengths of IBANs by country (https://www.swift.com/standards/data-standards/iban-international-bank-account-number).
const ibanLengths = "ad24 ae23 al28 at20 az28 ba20 be16 bg22 bh22 bi27 br29 by28 ch21 cr22 cy28 cz24 de22 dj27 dk18 do28 ee20 eg29 es24 " +
	"fi18 fk18 fo18 fr27 gb22 ge22 gi23 gl18 gr27 gt28 hr21 hu28 ie22 il23 iq23 is26 it27 jo30 kw30 kz20 lb28 lc32 li21 lt20 lu20 " +
	"lv21 ly25 mc27 md24 me22 mk19 mn20 mr27 mt31 mu30 ni28 nl18 no15 om23 pk24 pl28 ps29 pt25 qa29 ro24 rs22 ru33 sa24 sc31 sd18 " +
	"se24 si19 sk24 sm27 so23 st25 sv28 tl23 tn24 tr26 ua29 va22 vg24 xk20 "

// ibanEnd returns the end of the IBAN at i, or 0.
func ibanEnd(b []byte, i int) int {
	if i+15 > len(b) || !isLetter(b[i]) || !isLetter(b[i+1]) || !isDigit(b[i+2]) && b[i+2] != ' ' {
		return 0
	}
	at := strings.Index(ibanLengths, string(b[i:i+2]))
	for at >= 0 && at%5 != 0 { // the letters of two countries
		next := strings.Index(ibanLengths[at+1:], string(b[i:i+2]))
		if next < 0 {
			return 0
		}
		at += 1 + next
	}
	if at < 0 {
		return 0
	}
	length := number([]byte(ibanLengths[at+2 : at+4]))
	var chars [40]byte
	n := 0
	for ; n < length; i++ {
		if i >= len(b) {
			return 0
		}
		switch c := b[i]; {
		case isLetter(c), isDigit(c):
			chars[n] = c
			n++
		case (c == ' ' || c == '-') && isWordByte(b[i-1]):
		default:
			return 0
		}
	}
	if i < len(b) && isWordByte(b[i]) {
		return 0
	}
	var rest uint64
	for k := range length {
		if c := chars[(k+4)%length]; isDigit(c) {
			rest = (rest*10 + uint64(c-'0')) % 97
		} else {
			rest = (rest*100 + uint64(c-'a') + 10) % 97
		}
	}
	if rest != 1 {
		return 0
	}
	return i
}

func isNINO(id string) bool {
	if strings.ContainsAny(id[:1], "dfiquv") || strings.ContainsAny(id[1:2], "dfioquv") || id[8] > 'd' {
		return false
	}
	return !strings.Contains("bg gb kn nk nt tn zz", id[:2])
}

func isDNI(id string) bool {
	return "trwagmyfpdxbnjzsqvhlcke"[number([]byte(id[:8]))%23] == id[8]
}

func isNIE(id string) bool {
	return id[0] >= 'x' && isDNI(string('0'+id[0]-'x')+id[1:])
}

func isNRIC(id string) bool {
	sum := 0
	for i, weight := range []byte("2765432") {
		sum += int(weight-'0') * int(id[1+i]-'0')
	}
	switch id[0] {
	case 's':
		return "jzihgfedcba"[sum%11] == id[8]
	case 't':
		return "jzihgfedcba"[(sum+4)%11] == id[8]
	case 'f':
		return "xwutrqpnmlk"[sum%11] == id[8]
	case 'g':
		return "xwutrqpnmlk"[(sum+4)%11] == id[8]
	}
	return false
}

// isCodiceFiscale checks an Italian tax code. Where two people would have one code, digits are replaced by the letters l to v.
func isCodiceFiscale(id string) bool {
	const omocodia = "lmnpqrstuv"
	for _, at := range []int{6, 7, 9, 10, 12, 13, 14} {
		if !isDigit(id[at]) && !strings.Contains(omocodia, id[at:at+1]) {
			return false
		}
	}
	odd := []int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}
	sum := 0
	for i := range 15 {
		value := int(id[i] - 'a')
		if isDigit(id[i]) {
			value = int(id[i] - '0')
		}
		if i%2 == 0 {
			value = odd[value]
		}
		sum += value
	}
	return byte('a'+sum%26) == id[15]
}

func isCURP(id string) bool { return id[10] == 'h' || id[10] == 'm' || id[10] == 'x' }

func isPPS(id string) bool {
	sum := 0
	for i := range 7 {
		sum += (8 - i) * int(id[i]-'0')
	}
	if len(id) == 9 && id[8] != 'w' {
		sum += 9 * int(id[8]-'a'+1)
	}
	return "wabcdefghijklmnopqrstuv"[sum%23] == id[7]
}

func isHETU(id string) bool {
	return "0123456789abcdefhjklmnprstuvwxy"[number([]byte(id[:6]+id[7:10]))%31] == id[10]
}

// isCorsicanNIR checks a French number of a person born in Corsica, whose department is 2A or 2B.
func isCorsicanNIR(id string) bool {
	department := map[byte]string{'a': "19", 'b': "18"}[id[6]]
	return department != "" && isNationalNumber([]byte(id[:5]+department+id[7:]), nil)
}
