package report

import (
	"fmt"
	"time"

	"example.com/aurora/shared/core/text"
)

// chart shows the calls by day, beside those of the previous window.
type chart struct {
	Days    []chartDay
	Dense   bool // there are too many days for a number on each bar
	Partial bool // the window does not begin and end at midnight, so the first and the last day are incomplete
	Before  bool // the previous window had calls to compare with
	Busiest string
}

// chartDay is one bar of the chart. Heights and tops are in percent of the chart's height.
type chartDay struct {
	Short, Number, Long    string // Mon, 16, Monday 16 November
	Marked                 bool   // has a label even where there is little space: Mondays
	Lead                   bool   // comes before the first marked day
	Span                   int    // for a marked day: the days until the next one, at most 7
	Above                  string // the number above the bar, shortened where there is little space
	Calls, Before          string
	Below                  string // the previous window's number, shortened like Above
	Height, Top            int
	HeightBefore           int
	TopBefore              int
	Level                  int    // heat level, as in the heat map
	Background, Foreground string // background and text colour, for mails
}

// chart returns the chart of the last days of the window, at most limit of them.
func (p Page) chart(limit int) chart {
	r, zone := p.Report, p.zone()
	days, before := r.ByDay[max(0, len(r.ByDay)-limit):], r.Previous.ByDay
	c := chart{Dense: len(days) > 10, Partial: !coversWholeDays(r.From.In(zone), r.Until.In(zone)), Before: r.Previous.Calls.Total > 0 && len(before) > 0}
	most, mostNow, busiest := 1, 0, -1
	for i, d := range days {
		most = max(most, d.Calls)
		if d.Calls > mostNow {
			mostNow, busiest = d.Calls, i
		}
		if c.Before && i < len(before) {
			most = max(most, before[i].Calls)
		}
	}
	for i, d := range days {
		one := chartDay{Calls: formatInt(max(d.Calls, 0)), Height: barHeight(d.Calls, most), Level: heatLevel(d.Calls, mostNow), Long: text.DisplayLine(d.Date, 10)}
		if at, err := time.Parse(time.DateOnly, d.Date); err == nil {
			one.Short, one.Number, one.Long = at.Format("Mon"), at.Format("2"), at.Format("Monday 2 January")
			one.Marked = at.Weekday() == time.Monday
		}
		if c.Before {
			one.Before = "–"
			if i < len(before) {
				one.Before, one.HeightBefore = formatInt(max(before[i].Calls, 0)), barHeight(before[i].Calls, most)
			}
		}
		one.Top, one.TopBefore, one.Above = 100-one.Height, 100-one.HeightBefore, one.Calls
		if c.Dense || mostNow >= 10_000 {
			one.Above = formatCompact(max(d.Calls, 0))
		}
		if one.Below = one.Before; i < len(before) && c.Before && (c.Dense || mostNow >= 10_000) {
			one.Below = formatCompact(max(before[i].Calls, 0))
		}
		c.Days = append(c.Days, one)
	}
	marked := -1
	for i := range c.Days {
		if c.Days[i].Marked {
			marked = i
		}
		if c.Days[i].Lead = marked < 0; marked >= 0 && c.Days[marked].Span < 7 {
			c.Days[marked].Span++
		}
	}
	if busiest >= 0 {
		c.Busiest = fmt.Sprintf("Busiest day: %s, %s.", c.Days[busiest].Long, formatCalls(mostNow))
	}
	return c
}

// barHeight returns the height of a bar in percent of the chart's. A day with calls is at least 2 % high, so that it is seen.
func barHeight(n, most int) int {
	if n <= 0 {
		return 0
	}
	return min(100, max(2, int(100*float64(n)/float64(most))))
}

// heatMap shows the calls by hour and weekday, in three arrangements.
type heatMap struct {
	Hours   []string
	Days    []heatRow // one row for each weekday, one cell for each hour
	ByHour  []heatRow // one row for each hour, one cell for each weekday
	Names   []string  // the weekdays, shortened
	Tight   bool      // the numbers are long and need smaller letters
	Busiest string
	Coarse  []heatRow // one row for each weekday, one cell for three hours; for mails
}

type heatRow struct {
	Name, Long string
	Cells      []heatCell
}

type heatCell struct {
	Level                  int
	Calls                  string
	Some                   bool   // there were calls
	Background, Foreground string // background and text colour, for mails
}

var weekdays = [7]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

func newHeatMap(counts [7][24]int) heatMap {
	most, at, hour := 0, 0, 0
	var coarse [7][8]int
	mostCoarse := 0
	for d := range counts {
		for h, n := range counts[d] {
			if n > most {
				most, at, hour = n, d, h
			}
			coarse[d][h/3] += max(n, 0)
			mostCoarse = max(mostCoarse, coarse[d][h/3])
		}
	}
	m := heatMap{Tight: most >= 1000}
	for h := range 24 {
		m.Hours = append(m.Hours, fmt.Sprintf("%02d", h))
		row := heatRow{Name: fmt.Sprintf("%02d", h), Long: formatHours(h, 1)}
		for d := range counts {
			row.Cells = append(row.Cells, newHeatCell(counts[d][h], most))
		}
		m.ByHour = append(m.ByHour, row)
	}
	for d, name := range weekdays {
		row, coarseRow := heatRow{Name: name[:3], Long: name}, heatRow{Name: name[:3], Long: name}
		for _, n := range counts[d] {
			row.Cells = append(row.Cells, newHeatCell(n, most))
		}
		for _, n := range coarse[d] {
			coarseRow.Cells = append(coarseRow.Cells, newHeatCell(n, mostCoarse))
		}
		m.Names = append(m.Names, name[:3])
		m.Days, m.Coarse = append(m.Days, row), append(m.Coarse, coarseRow)
	}
	if most > 0 {
		m.Busiest = fmt.Sprintf("Busiest hour: %s, %s, %s.", weekdays[at], formatHours(hour, 1), formatCalls(most))
	}
	return m
}

func formatHours(from, count int) string {
	return fmt.Sprintf("%02d:00–%02d:00", from, from+count)
}

func newHeatCell(n, most int) heatCell {
	l := heatLevel(n, most)
	return heatCell{Level: l, Calls: formatCompact(max(n, 0)), Some: n > 0, Background: palette[l][0], Foreground: palette[l][1]}
}

// maxHeatLevel is the highest heat level; its class in the style sheet is .h8.
const maxHeatLevel = 8

// heatLevel returns the level of a cell: 0 for no calls, maxHeatLevel for the most.
func heatLevel(n, most int) int {
	if n <= 0 || most <= 0 {
		return 0
	}
	return min(maxHeatLevel, max(1, int(float64(maxHeatLevel)*float64(n)/float64(most)+0.5)))
}

// palette holds the background and text colour of each heat level for mails. They are those of .h0 to .h8 in the page's light
// scheme.
var palette = [maxHeatLevel + 1][2]string{
	{"#f3f4f8", "#5b6070"}, {"#e6ebfc", "#1a1c23"}, {"#d0daf9", "#1a1c23"}, {"#b3c3f5", "#1a1c23"}, {"#93a9ef", "#1a1c23"},
	{"#4a66d4", "#ffffff"}, {"#3a54c0", "#ffffff"}, {"#2c429f", "#ffffff"}, {"#1f3080", "#ffffff"},
}
