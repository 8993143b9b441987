(() => {
  const EVERY = 1000;
  const LATER = 5000;
  const summary = document.getElementById("live");
  const chart = document.querySelector("#live-chart .chart").chart;
  const bar = document.getElementById("live-steps");
  const title = document.title;
  let series = chart.given.series;
  let timer = null;

  const write = (id, text) => {
    const element = document.getElementById(id);
    // What says the same is left alone: it would be read aloud again.
    if (element.textContent !== text) element.textContent = text;
    if (element.closest(".facts")) element.parentElement.parentElement.hidden = !text;
  };

  /** Add the points of epochs that are new. */
  const grow = ({ after, x, y, label }) => {
    if (!x.length && after === series[0].x.length) return;
    series = series.map((line) => ({ ...line, x: [...line.x.slice(0, after), ...x], y: [...line.y.slice(0, after), ...y[line.name]] }));
    chart.take(series);
    chart.plot.setAttribute("aria-label", label);
  };

  const show = (found) => {
    for (const [id, text] of Object.entries(found.texts)) write(id, text);
    bar.max = Math.max(found.steps[1], 1);
    bar.value = found.steps[0];
    bar.hidden = found.is_over || !found.steps[1];
    document.title = found.short ? `${found.short} ${title}` : title;
    grow(found.curves);
  };

  const ask = async () => {
    clearTimeout(timer);
    timer = null;
    let wait = EVERY;
    try {
      const answer = await fetch(`metrics.json?after=${series[0].x.length}`);
      const found = await answer.json();
      // Another run at the same address, or one of which more is known now.
      if (found.page !== summary.dataset.page) { location.reload(); return; }
      summary.dataset.state = found.state;
      show(found);
      if (found.is_over) return;
    } catch {
      summary.dataset.state = "gone";
      write("live-said", "No answer any more: the run has ended or was stopped. What it came to is in its folder.");
      wait = LATER;
    }
    timer = setTimeout(ask, wait);
  };

  // Browsers let the timers of hidden pages wait.
  document.addEventListener("visibilitychange", () => { if (!document.hidden && timer !== null) ask(); });
  ask();
})();
