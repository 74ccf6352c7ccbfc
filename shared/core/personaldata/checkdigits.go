package personaldata

import "bytes"

// luhn reports whether digits end with the check digit of ISO/IEC 7812.
func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// isCard reports whether digits are the number of a payment card: they begin with an issuer's digits, have a length that its
// cards have, and the check digit is right (https://en.wikipedia.org/wiki/Payment_card_number).
func isCard(d []byte) bool {
	n := len(d)
	if n < 13 || n > 19 {
		return false
	}
	two, four := number(d[:2]), number(d[:4])
	ok := false
	switch {
	case d[0] == '4':
		ok = n == 13 || n == 16 || n == 19
	case two == 34, two == 37:
		ok = n == 15
	case two == 36, two == 38, two == 39, four >= 3000 && four <= 3059, four == 3095:
		ok = n == 14 || n >= 16
	case two == 35:
		ok = n >= 16
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		ok = n == 16
	case four >= 2200 && four <= 2204, four == 6011, two == 62, two == 64, two == 65, two == 60, two == 81, two == 82, two == 97:
		ok = n >= 16
	case two == 50, two >= 56 && two <= 69: // Maestro; its shorter numbers are out of use, and look like too much else
		ok = n >= 16
	}
	return ok && luhn(d)
}

func number(d []byte) int {
	n := 0
	for _, c := range d {
		n = n*10 + int(c-'0')
	}
	return n
}

// isNationalNumber reports whether digits, in these groups, are a national identification number whose form cannot be taken for a
// telephone number. Shorter ones are redacted as telephone numbers.
func isNationalNumber(d []byte, groups []group) bool {
	switch len(d) {
	case 9: // US SSN and ITIN, as they are grouped
		return len(groups) == 3 && len(groups[0].digits) == 3 && len(groups[1].digits) == 2 && !bytes.Equal(d[:3], []byte("000"))
	case 13:
		return isCNP(d) || bytes.HasPrefix(d, []byte("756")) && isEAN(d)
	case 15:
		return (d[0] == '1' || d[0] == '2') && mod97(d[:13]) == uint64(97-number(d[13:]))
	case 18:
		return isChineseID(d)
	}
	return false
}

// isCNP checks a Romanian personal code.
func isCNP(d []byte) bool {
	month, day := number(d[3:5]), number(d[5:7])
	if d[0] == '0' || month < 1 || month > 12 || day < 1 || day > 31 {
		return false
	}
	sum := 0
	for i, weight := range []byte("279146358279") {
		sum += int(weight-'0') * int(d[i]-'0')
	}
	check := sum % 11
	if check == 10 {
		check = 1
	}
	return check == int(d[12]-'0')
}

// isEAN checks the check digit of a Swiss AHV number.
func isEAN(d []byte) bool {
	sum := 0
	for i, c := range d {
		sum += int(c-'0') * (1 + 2*(i%2))
	}
	return sum%10 == 0
}

// isPESEL checks a Polish personal number.
func isPESEL(d []byte) bool {
	month, day := number(d[2:4])%20, number(d[4:6])
	if month < 1 || month > 12 || day < 1 || day > 31 {
		return false
	}
	sum := 0
	for i, weight := range []byte("13791379131") {
		sum += int(weight-'0') * int(d[i]-'0')
	}
	return sum%10 == 0
}

// isSteuerID checks a German tax id: ISO 7064, MOD 11,10.
func isSteuerID(d []byte) bool {
	if d[0] == '0' {
		return false
	}
	product := 10
	for _, c := range d[:10] {
		sum := (int(c-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	return (11-product)%10 == int(d[10]-'0')
}

// isCPF checks a Brazilian taxpayer number.
func isCPF(d []byte) bool {
	for n := 9; n <= 10; n++ {
		sum := 0
		for i := range n {
			sum += (n + 1 - i) * int(d[i]-'0')
		}
		if sum*10%11%10 != int(d[n]-'0') {
			return false
		}
	}
	return bytes.Count(d, d[:1]) < len(d)
}

// isChineseID checks a Chinese resident number, of which the last character may be x.
func isChineseID(d []byte) bool {
	year, month, day := number(d[6:10]), number(d[10:12]), number(d[12:14])
	if year < 1900 || year > 2100 || month < 1 || month > 12 || day < 1 || day > 31 {
		return false
	}
	sum := 0
	for i, weight := range []byte{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(weight) * int(d[i]-'0')
	}
	return "10x98765432"[sum%11] == d[17]
}

// mod97 returns the remainder of a number of any length.
func mod97(d []byte) uint64 {
	var n uint64
	for _, c := range d {
		n = (n*10 + uint64(c-'0')) % 97
	}
	return n
}
