// Package forecast foretells a load from its past: two days ahead, from up to two weeks of values with gaps, with a season of a
// day and one of a week.
//
// It asks sixteen simple members ("as at this time yesterday", "the median of the days, at the level of this weekday", "a week
// ago, and as much more as this week was above the last") and takes their weighted median, value by value. A member's weight is
// what it earned: each is asked again from moments in the past, and those that erred clearly more than the best count less. No
// single flash crowd, holiday or level shift moves a median; no parameter is fitted that could fit noise.
//
// Everything is relative: values twice as large give forecasts twice as large. It is pure: the same history gives the same
// forecast.
//
//	f, err := forecast.New(forecast.History{Values: hourly, Season: 24}, 48)
package forecast
