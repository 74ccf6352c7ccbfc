package liquid

import (
	"context"
	"errors"
	"testing"
	"time"
)

var testClock = Clock{Zone: time.UTC, Now: func() time.Time { return time.Date(2026, 7, 1, 20, 0, 0, 0, time.UTC) }}

// testVariables are what a JSON decoder makes of a caller's context variables.
func testVariables() map[string]any {
	return map[string]any{
		"name": "Dana", "empty_text": "", "spaces": " \n ", "n": int64(3), "f": 2.0, "half": 2.5, "yes": true, "no": false, "nothing": nil,
		"list": []any{"a", "b", "c"}, "numbers": []any{int64(3), 1.0, 2.5}, "no_items": []any{}, "no_keys": map[string]any{},
		"order": map[string]any{"id": int64(7), "items": []any{map[string]any{"name": "Tea", "price": 2.5}, map[string]any{"name": "Cup", "price": int64(4)}}},
		"key":   "name", "big": 1e6, "text_number": "12",
	}
}

func render(t *testing.T, source string) string {
	t.Helper()
	template, invalid := Parse(source)
	for _, e := range invalid {
		t.Errorf("%s: %v, want a valid template", source, e)
	}
	got, failed := template.Render(t.Context(), testVariables(), testClock)
	for _, e := range failed {
		t.Errorf("%s: %v, want no error", source, e)
	}
	return got
}

// checkAll compares what templates print with what Ruby's Liquid prints.
func checkAll(t *testing.T, cases [][2]string) {
	t.Helper()
	for _, c := range cases {
		if got := render(t, c[0]); got != c[1] {
			t.Errorf("%s: %q, want %q", c[0], got, c[1])
		}
		if problems := Check(c[0]); problems != nil {
			t.Errorf("%s: Check returned %v, want nothing", c[0], problems)
		}
	}
}

func TestOutput(t *testing.T) {
	checkAll(t, [][2]string{
		{"plain { text } %} }}", "plain { text } %} }}"},
		{"{{ name }}{{name}}{{\n name\n}}", "DanaDanaDana"},
		{"[{{ unknown }}{{ unknown.deeper[3].still }}{{ nothing }}{{ name.x }}{{ }}]", "[]"},
		{"{{ n }} {{ f }} {{ half }} {{ yes }} {{ big }}", "3 2 2.5 true 1000000"},
		{"{{ 2.0 }} {{ -3 }} {{ 'a' }} {{ nil }}{{ empty }}{{ blank }}", "2.0 -3 a "},
		{"{{ list }} {{ numbers }}", "abc 312.5"},
		{"{{ order.items[0].name }} {{ order['id'] }} {{ list[1] }} {{ list[-1] }} {{ list[9] }}", "Tea 7 b c "},
		{"{{ list.first }}{{ list.last }}{{ list.size }}{{ name.size }}{{ order.size }}", "ac342"},
		{"{{ list[f] }} {{ order[unknown] }} {{ [key] }}", "c  Dana"},
		{"{{ (1..3) }} {{ (n..5) | join: ',' }} {{ (1..f) | size }}", "1..3 3,4,5 2"},
		{`{{ "say \"hi\"" }} {{ 'it\'s' }} {{ "a\nb" }} {{ "C:\dir" }} {{ "it's" }}`, "say \"hi\" it's a\nb C:\\dir it's"},
		{"{{ '{{' }} {{ \"{%\" }}{% # not {{ this }} %}", "{{ {%"},
		{"{{ größe }}{{ a-b }}{{ valid? }}", ""},
		{"{{ order.no_keys }}{{ no_keys }}{{ order.items[1] }}", `{}{"name":"Cup","price":4}`},
	})
}

func TestWhiteSpaceControl(t *testing.T) {
	checkAll(t, [][2]string{
		{"a  {{- name -}}  b", "aDanab"},
		{"a \n{%- if yes -%}\n b \n{%- endif -%}\n c", "abc"},
		{"a {% comment %} x {%- endcomment -%} b", "a b"},
		{"a {%- raw -%} {{ x }} {%- endraw -%} b", "a{{ x }}b"},
		{"a {%- # note -%} b", "ab"},
		{"{%- assign x = 1 -%}\n{{ x }}", "1"},
	})
}

// White space in a tag that prints nothing else is left out.
func TestBlankContent(t *testing.T) {
	checkAll(t, [][2]string{
		{"[{% if yes %} \n {% endif %}{% for i in (1..9) %}  {% endfor %}{% unless no %} {% comment %} x {% endcomment %} {% endunless %}]", "[]"},
		{"[{% if yes %}\n {% assign x = 1 %}\n {% if yes %} {% capture y %} z {% endcapture %} {% endif %}\n{% endif %}]", "[]"},
		{"[{% case n %}\n{% when 3 %} {% assign x = 1 %} {% endcase %}]", "[]"},
		{"[{% if yes %} {{ empty_text }} {% endif %}]", "[  ]"},
		{"[{% if yes %} {% else %} x {% endif %}]", "[ ]"},
		{"[{% for i in (1..2) %} {% if no %} x {% endif %} {% endfor %}]", "[    ]"},
	})
}

func TestComments(t *testing.T) {
	checkAll(t, [][2]string{
		{"a{% # a note %}b{%# another\n # line %}c", "abc"},
		{"a{% comment %}{% if %}{{ x | }}{% nosuch %}{% endcomment %}b", "ab"},
		{"a{% comment %}{% comment %}x{% endcomment %}y{% endcomment %}b", "ab"},
		{"a{% comment %}{% raw %}{% endcomment %}{% endraw %}{% endcomment %}b", "ab"},
		{"a{% doc %}{{ x | }}{% enddoc %}b", "ab"},
		{"{% raw %}{{ name }}{% if %}{% endraw %}", "{{ name }}{% if %}"},
	})
}

func TestConditions(t *testing.T) {
	checkAll(t, [][2]string{
		{"{% if true or false and false %}y{% else %}n{% endif %}", "y"}, // true or (false and false)
		{"{% if false and false or true %}y{% else %}n{% endif %}", "n"}, // false and (false or true)
		{"{% if true and false or true %}y{% else %}n{% endif %}", "y"},  // true and (false or true)
		{"{% if (false and false) or true %}y{% else %}n{% endif %}", "y"},
		{"{% if empty_text %}y{% endif %}{% if n %}y{% endif %}{% if 0 %}y{% endif %}{% if no %}n{% endif %}{% if nothing %}n{% endif %}", "yyy"},
		{"{% if name == 'Dana' and n > 2 and n >= 3 and n < 4 and n <= 3 and n != 4 and n <> 4 %}y{% endif %}", "y"},
		{"{% if 1 == 1.0 and f == 2 and '1' != 1 and 'a' < 'b' %}y{% endif %}", "y"},
		{"{% if name > 1 %}n{% elsif nothing > 1 %}n{% elsif list < 2 %}n{% else %}y{% endif %}", "y"},
		{"{% if nothing == nil and unknown == null and no == false and yes == true %}y{% endif %}", "y"},
		{"{% if no %}a{% elsif yes %}b{% else %}c{% endif %}", "b"},
		{"{% unless no %}a{% else %}b{% endunless %}{% unless yes %}a{% elsif n == 3 %}c{% else %}b{% endunless %}{% unless nothing %}d{% endunless %}", "acd"},
		{"{% if name contains 'an' and list contains 'b' and n contains 3 %}n{% elsif name contains nil %}n{% elsif nothing contains 'a' %}n{% else %}y{% endif %}", "y"},
		{"{% if order contains 'id' %}y{% endif %}{% if '123' contains 2 %}y{% endif %}{% if numbers contains 1 %}y{% endif %}{% assign l = no | concat: list %}{% if l contains no %}n{% endif %}", "yyy"},
		{"{{ n == 3 }} {% assign same = name == 'Dana' %}{{ same }}", "true true"},
	})
}

func TestEmptyAndBlank(t *testing.T) {
	checkAll(t, [][2]string{
		{"{% if empty_text == empty and no_items == empty and no_keys == empty %}y{% endif %}", "y"},
		{"{% if nothing == empty or spaces == empty or n == empty or no == empty %}n{% else %}y{% endif %}", "y"},
		{"{% if empty_text == blank and no_items == blank and no_keys == blank and nothing == blank and spaces == blank and no == blank and unknown == blank %}y{% endif %}", "y"},
		{"{% if name == blank or n == blank or yes == blank or list == blank or order == blank %}n{% else %}y{% endif %}", "y"},
		{"{% if name != blank and blank != name and list != empty %}y{% endif %}{% unless unknown == blank %}n{% endunless %}", "y"},
		{"{% if empty == blank or blank == empty %}n{% endif %}{% if blank == blank and empty == empty %}y{% endif %}{% if empty %}y{% endif %}{% if blank > 0 or empty < 1 %}n{% endif %}", "yy"},
		{"{% assign x = blank %}{% if x == '' %}y{% endif %}{{ empty | plus: 1 }}{{ blank | split: '' | size }}{% for x in empty %}n{% endfor %}", "y10"},
		{"{% case empty_text %}{% when blank %}y{% else %}n{% endcase %}{% case no_items %}{% when empty %}y{% endcase %}", "yy"},
	})
}

func TestCase(t *testing.T) {
	checkAll(t, [][2]string{
		{"{% case name %}{% when 'Bo' or 'Dana' %}y{% else %}n{% endcase %}", "y"},
		{"{% case n %} ignored {% when 1, 2 %}a{% when 3, 4 %}b{% else %}c{% endcase %}", "b"},
		{"{% case n %}{% when 1 %}a{% endcase %}{% case unknown %}{% when nil %}z{% endcase %}", "z"},
		{"{% case n %}{% when 3 %}a{% when 3 %}b{% else %}c{% endcase %}", "ab"},
		{"{% case n %}{% when 1 %}a{% else %}b{% else %}c{% when 3 %}d{% endcase %}", "bcd"},
		{"{% case name | downcase %}{% when 'dana' %}y{% endcase %}", "y"},
	})
}

func TestLoops(t *testing.T) {
	checkAll(t, [][2]string{
		{"{% for x in list %}{{ x }}{% endfor %}{% for x in no_items %}n{% else %}none{% endfor %}{% for x in unknown %}n{% else %}none{% endfor %}", "abcnonenone"},
		{"{% for i in (1..3) %}{{ i }}{% endfor %} {% for i in (1..f) %}{{ i }}{% endfor %} {% for i in (f..half) %}{{ i }}{% endfor %} {% for i in (3..1) %}n{% else %}none{% endfor %}", "123 12 2 none"},
		{"{% for i in (1..text_number) limit: f %}{{ i }}{% endfor %} {% for i in (1..unknown) %}n{% endfor %}", "12 "},
		{"{% for x in list limit: 2 %}{{ x }}{% endfor %} {% for x in list offset: 1 %}{{ x }}{% endfor %} {% for x in list limit: 1, offset: f %}{{ x }}{% endfor %}", "ab bc c"},
		{"{% for x in list reversed %}{{ x }}{% endfor %} {% for x in list reversed limit: 2 %}{{ x }}{% endfor %}", "cba ba"},
		{"{% for x in list limit: 2 %}{{ x }}{% endfor %}{% for x in list offset: continue %}[{{ x }}]{% endfor %}", "ab[c]"},
		{"{% for x in list limit: unknown offset: empty_text %}{{ x }}{% endfor %}", "abc"},
		{"{% for x in list %}{{ forloop.index }}{{ forloop.index0 }}{{ forloop.rindex }}{{ forloop.rindex0 }}{{ forloop.first }}{{ forloop.last }}{{ forloop.length }} {% endfor %}", "1032truefalse3 2121falsefalse3 3210falsetrue3 "},
		{"{% for x in list %}{% for y in list %}{{ forloop.parentloop.index }}{% break %}{% endfor %}{% endfor %}{{ forloop.index }}", "123"},
		{"{% for x in list %}{% if x == 'b' %}{% continue %}{% endif %}{{ x }}{% endfor %}{% for x in list %}{% if x == 'b' %}{% break %}{% endif %}{{ x }}{% endfor %}", "aca"},
		{"{% for p in order %}{{ p[0] }}={{ p[1] | size }};{% endfor %}{% for c in name %}{{ c }}{% endfor %}{% for c in n %}{{ c }}{% endfor %}", "id=0;items=2;Dana"},
		{"{% for i in order.items %}{{ i.name }} {{ i.price }}{% unless forloop.last %}, {% endunless %}{% endfor %}", "Tea 2.5, Cup 4"},
		{"{% for x in list %}{% cycle 'one', 'two' %}{% endfor %}{% for x in list %}{% cycle 'g': 1, 2 %}{% endfor %}", "onetwoone121"},
		{"{% cycle a: '1', '2' %}{% cycle a: '1', '2', '3' %}{% cycle a: '1' %}{% cycle a: '1' %}", "121"},
		{"{% for x in list limit: 1 %}{{ forloop.name }} {% endfor %}{% for x in (1..n)  offset: 2 %}{{ forloop.name }}{% endfor %}", "x-list x-(1..n)"},
		{"{% for x in list %}{% if x == 'b' %}{% break %}{% endif %}{% endfor %}{% for x in list limit: 2 %}{% endfor %}{% for x in list offset: continue %}{{ x }}{% else %}none{% endfor %}", "c"},
		{"{% ifchanged %}a{% endifchanged %}{% ifchanged %}a{% endifchanged %}{% ifchanged %}b{% endifchanged %}", "ab"},
		{"{% for x in numbers %}{% ifchanged %}{{ n }}{% endifchanged %}{% endfor %}{% increment c %}{% increment c %}{% decrement d %}{{ c }}", "301-12"},
		{"{% for i in (1..2) %}{% assign last = i %}{% endfor %}{{ last }}{{ i }}", "2"},
		{"{% assign name = name | default: 'x' %}{% for name in list %}{{ name }}{% endfor %}{{ name }}", "abcDana"},
	})
}

func TestAssignmentTags(t *testing.T) {
	checkAll(t, [][2]string{
		{"{% assign x = 'a' | append: 'b' %}{{ x }}{% capture y %}[{{ x }}]{% endcapture %}{{ y }}{% capture 'z' %}1{% endcapture %}{{ z }}", "ab[ab]1"},
		{"{% echo name | upcase %}", "DANA"},
		{"{% liquid\n  # a note\n  assign x = 1\n\n  if x == 1\n    echo 'one'\n    for i in (1..3)\n      echo i\n    endfor\n  else\n    echo 'other'\n  endif\n  comment\n  if nothing\n  endcomment\n%}", "one123"},
		{"{% for x in list %}{% liquid\n if x == 'b'\n break\n endif\n echo x %}{% endfor %}", "a"},
		{"{% assign parts = 'a,b' | split: ',' %}{{ parts[1] }}{{ parts.size }}", "b2"},
	})
}

// The expected values are those of the documentation of Shopify's filters.
func TestTextFilters(t *testing.T) {
	checkAll(t, [][2]string{
		{"{{ 'a' | append: 'b' | prepend: 'c' }} {{ nothing | append: n }}", "cab 3"},
		{"{{ 'HELLO you' | capitalize }} {{ 'éa' | capitalize }} {{ 'aB' | upcase }}{{ 'aB' | downcase }} [{{ '' | capitalize }}]", "Hello you Éa ABab []"},
		{"[{{ ' a ' | strip }}{{ ' a ' | lstrip }}{{ ' a ' | rstrip }}{{ ' a  \n b ' | squish }}]", "[aa  aa b]"},
		{"{{ \"a\nb\" | strip_newlines }}{{ \"a\nb\" | newline_to_br }}", "aba<br />\nb"},
		{"{{ '<b>x</b><script>y</script><!-- z -->1 < 2' | strip_html }}", "x1 < 2"},
		{"{{ 'a-a-a' | replace: 'a', 'b' }} {{ 'a-a-a' | replace_first: 'a', 'b' }} {{ 'a-a-a' | replace_last: 'a', 'b' }}", "b-b-b b-a-a a-a-b"},
		{"{{ 'a-a-a' | remove: 'a' }} {{ 'a-a-a' | remove_first: 'a' }} {{ 'a-a-a' | remove_last: 'a' }} {{ 'x' | replace: 1, 2 }}", "-- -a-a a-a- x"},
		{"{{ 'Ground control to Major Tom.' | truncate: 20 }} {{ 'Ground control to Major Tom.' | truncate: 25, ', and so on' }} {{ 'abc' | truncate: 2, '' }} {{ 'abc' | truncate }}", "Ground control to... Ground control, and so on ab abc"},
		{"{{ 'Ground control to Major Tom.' | truncatewords: 3 }} {{ 'one  two three' | truncatewords: 2, '--' }} {{ 'one two' | truncatewords }}", "Ground control to... one two-- one two"},
		{"{{ 'a,b,,c,,' | split: ',' | join: '|' }} {{ ' a  b ' | split: ' ' | join: '|' }} {{ 'abc' | split: '' | join: '|' }} {{ '' | split: ',' | size }}", "a|b||c a|b a|b|c 0"},
		{"{{ 'Liquid' | slice: 0 }}{{ 'Liquid' | slice: 2 }} {{ 'Liquid' | slice: 2, 5 }} {{ 'Liquid' | slice: -3, 2 }} [{{ 'Liquid' | slice: 9, 2 }}{{ 'Liquid' | slice: -9, 2 }}] {{ list | slice: 1, 2 | join }} {{ (1..5) | slice: 1, 3 }}", "Lq quid ui [] b c ..5"},
		{"{{ '<&\"' | escape }} {{ '1 &lt; 2 & 3' | escape_once }} {{ 'a b@c' | url_encode }} {{ 'a+b%40c' | url_decode }}", "&lt;&amp;&quot; 1 &lt; 2 &amp; 3 a+b%40c a b@c"},
		{"{{ \"it's & &copy; &#20; &#x; &;\" | escape_once }}", "it&#39;s &amp; &copy; &#20; &amp;#x; &amp;;"},
		{"{{ 'one two' | base64_encode }} {{ 'b25lIHR3bw==' | base64_decode }}", "b25lIHR3bw== one two"},
		{"{{ name | size }} {{ n | size }} {{ 'héé' | size }} {{ 1 | pluralize: 'call', 'calls' }} {{ 2 | pluralize: 'call', 'calls' }} {{ 'A  b!' | handleize }}", "4 0 3 call calls a-b"},
		{"{{ nothing | upcase }}{{ nothing | split: ',' | size }}{{ nothing | truncate: 3 }}", "0"},
	})
}

func TestNumberFilters(t *testing.T) {
	checkAll(t, [][2]string{
		{"{{ 4 | plus: 2 }} {{ 0.1 | plus: 0.2 }} {{ 16 | minus: 4 }} {{ 183.357 | minus: 12 }} {{ 24 | times: 7 }} {{ 183.357 | times: 12 }} {{ '3' | plus: '4' }}", "6 0.3 12 171.357 168 2200.284 7"},
		{"{{ 16 | divided_by: 4 }} {{ 5 | divided_by: 3 }} {{ -7 | divided_by: 2 }} {{ 20 | divided_by: 7.0 }} {{ 20 | divided_by: 2.0 }}", "4 1 -4 2.857142857142857 10.0"},
		{"{{ 3 | modulo: 2 }} {{ 183.357 | modulo: 12 }} {{ -7 | modulo: 3 }}", "1 3.357 2"},
		{"{{ -17 | abs }} {{ '-19.86' | abs }} {{ 1.2 | ceil }} {{ '3.5' | ceil }} {{ -1.2 | ceil }} {{ 1.2 | floor }} {{ -1.2 | floor }}", "17 19.86 2 4 -1 1 -2"},
		{"{{ 1.2 | round }} {{ 2.7 | round }} {{ 2.5 | round }} {{ -2.5 | round }} {{ 183.357 | round: 2 }} {{ 1.005 | round: 2 }} {{ 1234 | round: -2 }}", "1 3 3 -3 183.36 1.01 1200"},
		{"{{ 4 | at_least: 5 }} {{ 4 | at_least: 3 }} {{ 4 | at_most: 3 }} {{ 4 | at_most: 5 }}", "5 4 3 4"},
		{"{{ 'a' | times: 'b' }} {{ nothing | plus: 1 }} {{ list | plus: 1 }} {{ '12abc' | plus: 1 }} {{ name | abs }}", "0 1 1 13 0"},
		{"{{ n | times: f }} {{ half | times: 2 | floor }} {{ big | plus: 1 }}", "6 5 1000001"},
	})
}

func TestListFilters(t *testing.T) {
	checkAll(t, [][2]string{
		{"{{ list | join }} {{ list | join: '' }} {{ numbers | join: ', ' }} {{ numbers | sort | join: ' ' }} {{ list | reverse | join: '' }}", "a b c abc 3, 1, 2.5 1 2.5 3 cba"},
		{"{{ order.items | map: 'name' | join: ', ' }} {{ order.items | where: 'name', 'Tea' | map: 'price' }} {{ order.items | reject: 'name', 'Tea' | size }} {{ order.items | where: 'name' | size }}", "Tea, Cup 2.5 1 2"},
		{"{{ order.items | sort: 'name' | map: 'name' | first }} {{ 'b,A,c' | split: ',' | sort | join: '' }} {{ 'b,A,c' | split: ',' | sort_natural | join: '' }} {{ order.items | sum: 'price' }} {{ numbers | sum }}", "Cup Abc Abc 6.5 6.5"},
		{"{% assign f = order.items | find: 'name', 'Cup' %}{{ f.price }} {{ order.items | find_index: 'name', 'Cup' }} {{ order.items | has: 'name', 'Pot' }}", "4 1 false"},
		{"{{ 'a,b,a' | split: ',' | uniq | join: '' }} {{ list | concat: numbers | size }} {{ list | first }}{{ list | last }}{{ no_items | first }}", "ab 6 ac"},
		{"{{ order.items | map: 'unknown' | compact | size }} {{ name | map: 'x' }} {{ nothing | sort | join }} {{ n | join }}", "0   3"},
		{"{{ '9,87,1111,B,a' | split: ',' | sort_natural | join: ' ' }} {{ numbers | sort_natural | join: ' ' }} {{ order.items | sort: unknown | size }} {{ order.items | where: unknown | size }}", "1111 87 9 a B 1 2.5 3 2 0"},
		{"{{ order.items | map: unknown | join: '#' }} {{ 'x,cat,y' | split: ',' | reject: 'c' | join }} {{ 'zoo' | has: 'z' }} {{ list | has: 'z' }} {{ list | find: 'b' }}", "# x y true false b"},
		{"{{ list | json }} {{ order.items[0] | json }} {{ name | json }} {{ nothing | json }} {{ numbers | json }}", `["a","b","c"] {"name":"Tea","price":2.5} "Dana" null [3,1,2.5]`},
	})
}

func TestDefaultFilter(t *testing.T) {
	checkAll(t, [][2]string{
		{"{{ unknown | default: 'x' }}{{ empty_text | default: 'x' }}{{ no | default: 'x' }}{{ no_items | default: 'x' }}{{ n | default: 'x' }}", "xxxx3"},
		{"{{ no | default: 'x', allow_false: true }} {{ no | default: 'x', allow_false: false }} {{ unknown | default: 'x', allow_false: true }}", "false x x"},
		{"{{ unknown | default: name | upcase }}", "DANA"},
	})
}

func TestDateFilter(t *testing.T) {
	checkAll(t, [][2]string{
		{"{{ 'now' | date: '%Y-%m-%d %H:%M' }} {{ 'today' | date: '%A' }} {{ 'NOW' | date: '%H', 'Asia/Kolkata' }}", "2026-07-01 20:00 Wednesday 01"},
		{"{{ '2026-01-01' | date: '%-d %B' }} {{ 0 | date: '%Y' }} {{ '1700000000' | date: '%Y' }} {{ 'March 14, 2016' | date: '%b %d, %y' }}", "1 January 1970 2023 Mar 14, 16"},
		{"{{ '-1152098955' | date: '%Y' }} {{ 'March 14, 2016' | date: '%%%b' }} {{ 'March 14, 2016' | date: unknown }}", "-1152098955 %Mar March 14, 2016"},
		{"[{{ nothing | date: '%Y' }}{{ 'soon' | date: '%Y' }}{{ name | date }}]", "[soonDana]"},
	})
}

func TestNamedTypes(t *testing.T) {
	type amount float64
	type status string
	template, _ := Parse("{{ a | plus: 1 }} {{ s | upcase }} {{ l | join: ',' }} {{ i | times: 2 }} {{ o.k }} {% for i in (1..a) %}{{ i }}{% endfor %} {% if s == 'open' %}y{% endif %}")
	got, failed := template.Render(t.Context(), map[string]any{"a": amount(2), "s": status("open"), "l": []string{"x", "y"}, "i": 4, "o": map[string]int{"k": 5}}, testClock)
	if want := "3 OPEN x,y 8 5 12 y"; got != want || failed != nil {
		t.Errorf("rendered %q, errors %v, want %q", got, failed, want)
	}
}

// What cannot be read or rendered is left empty, and the rest is rendered.
func TestRestIsRendered(t *testing.T) {
	for _, c := range []struct {
		source, want string
		reason       error
	}{
		{"a{{ name | }}b", "ab", errSyntax}, {"a{{ name | nosuch }}b", "ab", errUnknownFilter}, {"a{{ name nosuch }}b", "ab", errSyntax},
		{"a{{ 'x }}b", "ab", errSyntax}, {"a{{ name | append }}b", "ab", errArguments}, {"a{{ name | default: 1, other: 2 }}b", "ab", errArguments},
		{"a{{ 1 | divided_by: unknown }}b", "ab", errDivisionByZero}, {"a{{ 1 | modulo: empty_text }}b", "ab", errDivisionByZero}, {"a{{ 1 | modulo: 0.0 }}b", "ab", errDivisionByZero},
		{"a{{ name\nb", "a\nb", errNotClosed}, {"a{% if yes\nb", "a\nb", errNotClosed}, {"a{{", "a", errNotClosed}, {"a{{ name, {{ name }}b", "aDanab", errNotClosed}, {"a{% if yes\nb{{ name }}{% assign x = 1 %}c", "a\nbDanac", errNotClosed},
		{"a{% if yes %}b", "ab", errNotClosed}, {"a{% endif %}b{% else %}c{% when 1 %}d{% break %}e", "abcde", errMisplaced},
		{"a{% if %}x{% endif %}b", "ab", errSyntax}, {"a{% if yes and %}x{% else %}y{% endif %}b", "ab", errSyntax}, {"a{% if no %}x{% elsif | %}y{% endif %}b", "ab", errSyntax},
		{"a{% for x in list %}{{ x }}{% if x == 'b' %}{% endfor %}b", "aabcb", errNotClosed}, {"a{% if no %}b{% for x in list %}c{% capture y %}d", "abcd", errNotClosed}, {"{% if no %}{% if no %}b{% else %}c{% endif %}", "c", errNotClosed},
		{"a{% nosuch %}b", "ab", errUnknownTag}, {"a{% # one\n two %}b", "ab", errSyntax}, {"a{% if no %}x{% else if yes %}y{% endif %}b", "ayb", errSyntax},
		{"a{% elseif yes %}b", "ab", errUnknownTag}, {"a{{ 1 + 2 }}b{% assign x = 1 - 2 %}c{{ @x }}d", "abcd", errSyntax}, {"a{% if not yes %}x{% endif %}b{% if name startswith 'D' %}x{% endif %}c", "abc", errSyntax}, {"a{% include 'x' %}b{% render 'x' %}c", "abc", errNoTag}, {"a{% tablerow x in list %}b{% endtablerow %}c", "abc", errNoTag},
		{"a{% comment %}b", "a", errNotClosed}, {"a{% raw %}{{ b", "a{{ b", errNotClosed},
		{"a{% assign x = 1 | divided_by: unknown %}[{{ x }}]", "a[]", errDivisionByZero},
		{"a{% for x in list %}{{ 1 | divided_by: unknown }}{{ x }}{% endfor %}", "aabc", errDivisionByZero},
		{"a{% if unknown | modulo: nothing %}x{% else %}y{% endif %}b", "ab", errDivisionByZero},
		{"a{% for x in list reverse %}x{% endfor %}b", "ab", errSyntax}, {"a{% assign x %}b{% capture %}c{% endcapture %}d{% cycle %}e", "abde", errSyntax},
		{"a{{ 'now' | date: '%999999999Y' }}b", "ab", errDateFormat}, {"a{{ 1e5 }}b{{ x.. }}c", "abc", errSyntax},
	} {
		template, errs := Parse(c.source)
		got, failed := template.Render(t.Context(), testVariables(), testClock)
		errs = append(errs, failed...)
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.source, got, c.want)
		}
		if len(errs) == 0 || !errors.Is(errs[0], c.reason) {
			t.Errorf("%s: errors %v, want %v", c.source, errs, c.reason)
		}
		if Check(c.source) == nil {
			t.Errorf("%s: Check returned nothing, want %v", c.source, c.reason)
		}
	}
}

func TestCheckMessages(t *testing.T) {
	for source, want := range map[string]string{
		"one\n\n{{ name | shout }}":                                                       "line 3: there is no such filter: shout",
		"{% if a %}\n{% if b %}{{ x | shout: 1 }}{% endif %}{% endif %}":                  "line 2: there is no such filter: shout",
		"{% tablerow x in y %}{% endtablerow %}":                                          "line 1: this tag is not available in prompts: tablerow: it makes an HTML table",
		"a\n{% greet %}":                                                                  "line 2: there is no such tag: greet",
		"a\n{{ 10 | divided_by: guests }}":                                                "line 2: a number is divided by zero, when variables are missing",
		"{% if a == 'vip' %}{% for i in (1..1000000000) %}{{ i }}{% endfor %}{% endif %}": "line 1: the template takes too much: more than 50000 steps, when variables have the values that they are compared with",
		"{{ name":                "line 1: something is not closed: {{ needs }}",
		"{% if a %}":             "line 1: something is not closed: if needs endif",
		"{{ a | replace: 'x' }}": "line 1: a filter has the wrong number of values: replace takes 2, and has 1",
		"{{ a ! b }}":            "line 1: this cannot be read: a ! b: found ! b where the end is expected",
	} {
		problems := Check(source)
		if len(problems) == 0 || problems[0].Error() != want {
			t.Errorf("%q: %v, want %s", source, problems, want)
		}
	}
}

func TestRenderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	template, _ := Parse("a{% for i in (1..10000) %}{{ i }}{% endfor %}b")
	got, failed := template.Render(ctx, nil, testClock)
	if len(failed) == 0 || !errors.Is(failed[0], errContext) || got != "ab" {
		t.Errorf("rendered %q, errors %v, want ab and %v", got, failed, errContext)
	}
}
