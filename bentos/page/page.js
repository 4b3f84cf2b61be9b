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
