// What the service refuses is told as its own sentence, which Gradio would show as a status or not at all.
(() => {
  const BUSY = "the service cannot answer just now: try again in a moment";
  const ask = window.fetch.bind(window);
  const drawn = (sentence) => {
    const box = document.createElement("section"), line = document.createElement("p");
    box.className = "tb tb-error";
    box.setAttribute("role", "alert");
    line.textContent = sentence.replace(/[${}`]/g, "");
    box.innerHTML = "<p><b>That did not work.</b></p>";
    box.append(line);
    return box.outerHTML;
  };
  window.fetch = async (...given) => {
    const answer = await ask(...given), path = new URL(answer.url || location.href).pathname;
    if (answer.ok || !path.includes("/gradio_api/")) return answer;
    if (answer.status === 401) {
      location.reload(); // to the form that asks for a key
      return new Promise(() => {});
    }
    const { detail } = await answer.json().catch(() => ({}));
    const said = (Array.isArray(detail) ? detail[0]?.msg : detail) || BUSY, sentence = `${said[0].toUpperCase()}${said.slice(1)}.`;
    const asksForResult = path.includes("/run/") && JSON.parse(given[1]?.body ?? "{}").data?.length;
    if (!asksForResult) return new Response(sentence, { status: answer.status });
    return Response.json({ data: [drawn(sentence)], is_generating: false, duration: 0, average_duration: 0 });
  };
})();

// The line that follows the sound, and a click on the timeline that moves it. Listeners sit on the document: results come and go.
(() => {
  const timeline = (audio) => audio.closest(".tb").querySelector(".tb-time");
  const follow = (audio) => {
    const time = timeline(audio), cursor = time.querySelector(".tb-cursor");
    cursor.style.display = "block";
    cursor.style.left = `${(100 * Math.min(1, audio.currentTime / Number(time.dataset.duration))).toFixed(3)}%`;
    if (!audio.paused && audio.isConnected) requestAnimationFrame(() => follow(audio));
  };
  for (const name of ["play", "seeked"]) {
    document.addEventListener(name, (event) => event.target.matches?.(".tb-audio") && follow(event.target), true);
  }
  document.addEventListener("click", (event) => {
    const plot = event.target.closest?.(".tb-line:not(.tb-axis) .tb-plot");
    if (!plot) return;
    const box = plot.getBoundingClientRect(), audio = plot.closest(".tb").querySelector(".tb-audio");
    audio.currentTime = ((event.clientX - box.left) / box.width) * Number(timeline(audio).dataset.duration);
  });
})();

// The review tab: what was ticked goes with the press that saves it, once; keys do what its buttons do.
(() => {
  const skipped = [];
  const card = () => document.querySelector("#tb-review .tb-card:not([data-sent])");
  const seen = (node) => node?.checkVisibility();
  const whenThere = (where, then, tries = 100) => { // Gradio makes a tab when it is first opened
    const found = document.querySelector(where);
    if (seen(found)) then(found);
    else if (tries) setTimeout(() => whenThere(where, then, tries - 1), 50);
  };
  window.timbreReview = {
    save(model) {
      const clip = card();
      if (!clip) return [model, "", skipped.join(" ")];
      clip.dataset.sent = "1";
      const labels = [...clip.querySelectorAll("input:checked")].map((box) => box.value), { id, lot, shown } = clip.dataset;
      return [model, JSON.stringify({ id, labels, lot: lot ? Number(lot) : null, shown: Boolean(shown) }), skipped.join(" ")];
    },
    skip(model) {
      const clip = card();
      if (clip) skipped.push(clip.dataset.content);
      if (skipped.length > 100) skipped.shift();
      return [model, "", skipped.join(" ")];
    },
  };
  // An empty answer is said twice: a key that slipped, or a double click, says nothing.
  const mayBeSaved = (clip, clicks) => {
    if (clip.querySelector("input:checked")) return true;
    const ask = clip.querySelector(".tb-ask"), asked = !ask.hidden;
    ask.hidden = false;
    ask.scrollIntoView({ block: "nearest" });
    return asked && clicks < 2 && clip.querySelector("input[type=checkbox]");
  };
  const reveal = (clip) => {
    const hadFocus = clip.querySelector(".tb-reveal") === document.activeElement;
    clip.dataset.shown = "1";
    if (hadFocus) clip.querySelector("p.tb-opinion").focus({ preventScroll: true });
  };
  window.addEventListener("click", (event) => { // before Gradio's own listeners
    const clip = card();
    if (!clip || !event.target.closest?.("#tb-save") || mayBeSaved(clip, event.detail)) return;
    event.stopImmediatePropagation();
    event.preventDefault();
  }, true);
  document.addEventListener("change", (event) => {
    const ask = event.target.closest?.(".tb-card")?.querySelector(".tb-ask");
    if (ask) ask.hidden = true;
  });
  document.addEventListener("click", (event) => {
    const clip = event.target.closest?.(".tb-reveal") && card();
    if (clip) reveal(clip);
    const tab = event.target.closest?.("button[role=tab]");
    if (tab?.textContent.trim() === "Review" && !card()) whenThere("#tb-skip", (button) => button.click());
  });
  document.addEventListener("keydown", (event) => {
    if (event.repeat && event.key === "Enter" && event.target.closest?.("#tb-save")) event.preventDefault(); // held down, it would press again
    if (event.defaultPrevented || event.repeat || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const clip = card(), where = event.target;
    if (!seen(clip) || where.matches?.("input:not(.tb-box input), textarea, select, [contenteditable], audio")) return;
    if (event.key === "Enter") {
      if (where.matches?.("button:not([role=tab]), a")) return; // its own doing
      document.querySelector("#tb-save").click();
    } else if (event.key === "s") {
      document.querySelector("#tb-skip").click();
    } else if (event.key === "m") {
      reveal(clip);
    } else if (event.key === "p") {
      const sound = clip.querySelector("audio");
      sound[sound.paused ? "play" : "pause"]();
    } else {
      const box = [...clip.querySelectorAll(".tb-box")].find((one) => one.dataset.key === event.key);
      if (!box) return;
      box.querySelector("input").click();
    }
    event.preventDefault();
  });
})();
