// Package forecast forecasts a load two days ahead, from up to two weeks of values with gaps, with a daily and a weekly
// season.
//
// It evaluates sixteen simple members ("as at this time yesterday", "the median of the days, at the level of this weekday", "a week
// ago, scaled by the ratio of this week to the last") and takes their weighted median, value by value. The weights come from evaluating
// each member at past times: members with a clearly larger error than the best have less weight. A
// single flash crowd, holiday or level shift does not change a median, and no fitted parameter can fit noise.
//
// All values are relative: values twice as large give forecasts twice as large. The package is pure: the same history gives the same
// forecast.
//
//	f, err := forecast.New(forecast.History{Values: hourly, Season: 24}, 48)
package forecast
