//! Use cases of one kind that share transactions: what waits while one runs is decided together in the next.
//!
//! A filing asks a dozen questions and stores rows in five tables; of sixteen at once that is as many statements as of
//! one. Nobody waits for a group to fill: it is what has queued up by the time its turn comes.

use super::{Conn, Db, DbError, Retryable};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

/// How many use cases share one transaction at most: bounds how long its locks are held.
const MOST: usize = 64;

/// What became of each of a group, in its order; `None` for one that has to see what another of them stores.
pub type Outcomes<T, E> = Vec<Option<Result<T, E>>>;

type UseCase<I, T, E> = dyn Fn(&mut Conn, &[&I]) -> Result<Outcomes<T, E>, E> + Send + Sync;

/// A queue before the writing door. Cloning shares it.
pub struct Batcher<I, T, E>(Arc<Desk<I, T, E>>);

impl<I, T, E> Clone for Batcher<I, T, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Desk<I, T, E> {
    db: Db,
    use_case: Box<UseCase<I, T, E>>,
    /// A place for each group that may be under way.
    places: Arc<Semaphore>,
    /// Where groups are decided. Whoever asks may be on a thread that ends before the others' answers are there.
    runtime: Handle,
    queue: Mutex<Queue<I, T, E>>,
}

struct Queue<I, T, E> {
    waiting: VecDeque<Waiting<I, T, E>>,
    /// The number of the last that came.
    last: u64,
}

struct Waiting<I, T, E> {
    number: u64,
    item: Arc<I>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<I, T, E> Batcher<I, T, E>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: From<DbError> + From<diesel::result::Error> + Retryable + Send + 'static,
{
    /// A queue for this use case. An error of its own is that of a whole group, whose members are then decided one by
    /// one; what concerns one of them alone is among the fates. Alone, none may be put off.
    ///
    /// # Panics
    /// Outside of a runtime: the one it is made in decides the groups, and has to outlive those who ask.
    pub fn new(
        db: Db,
        use_case: impl Fn(&mut Conn, &[&I]) -> Result<Outcomes<T, E>, E> + Send + Sync + 'static,
    ) -> Self {
        // The embedded engine's one writer decides one after the other; while PostgreSQL commits one, another is decided.
        let breadth = if db.is_embedded() { 1 } else { 2 };
        Self(Arc::new(Desk {
            db,
            use_case: Box::new(use_case),
            places: Arc::new(Semaphore::new(breadth)),
            runtime: Handle::current(),
            queue: Mutex::new(Queue {
                waiting: VecDeque::new(),
                last: 0,
            }),
        }))
    }

    /// Has one decided, as [`Db::write`] would.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn submit(&self, item: I) -> Result<T, E> {
        let (reply, mut answer) = oneshot::channel();
        let desk = &self.0;
        let number = desk.enter(item, reply)?;
        let settings = &desk.db.house.settings;
        let answered = match timeout(settings.wait, &mut answer).await {
            Ok(answered) => Ok(answered),
            Err(_) if desk.leave(number) => return Err(DbError::Overloaded.into()),
            Err(_) => timeout(settings.answer, answer).await,
        };
        let silence = |_| DbError::OutcomeUnknown("the group's transaction did not end in time".into());
        let abandoned = |_| DbError::OutcomeUnknown("nobody says what became of the group".into());
        answered.map_err(silence)?.map_err(abandoned)?
    }
}

impl<I, T, E> Desk<I, T, E> {
    /// A poisoned lock only says that a thread died while holding it; each change of the queue is whole.
    fn queue(&self) -> MutexGuard<'_, Queue<I, T, E>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I, T, E> Desk<I, T, E>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: From<DbError> + From<diesel::result::Error> + Retryable + Send + 'static,
{
    /// Queues an item, and sees to it that somebody works.
    fn enter(self: &Arc<Self>, item: I, reply: oneshot::Sender<Result<T, E>>) -> Result<u64, DbError> {
        let mut queue = self.queue();
        if queue.waiting.len() >= self.db.house.settings.write_queue {
            return Err(DbError::Overloaded);
        }
        queue.last += 1;
        let number = queue.last;
        let item = Arc::new(item);
        queue.waiting.push_back(Waiting { number, item, reply });
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            self.runtime.spawn(self.clone().work(place));
        }
        Ok(number)
    }

    /// Takes an item out of the queue; false if it has left it by itself.
    fn leave(&self, number: u64) -> bool {
        let mut queue = self.queue();
        let place = queue.waiting.iter().position(|waiting| waiting.number == number);
        place.is_some_and(|place| queue.waiting.remove(place).is_some())
    }

    /// Decides group after group until nobody waits. However it ends, its place is free again.
    async fn work(self: Arc<Self>, place: OwnedSemaphorePermit) {
        let mut place = Some(place);
        while let Some(group) = self.next(&mut place) {
            self.decide(group).await;
        }
    }

    /// The next group. Where there is none the place is given back at once: whoever comes then must find it free.
    fn next(&self, place: &mut Option<OwnedSemaphorePermit>) -> Option<Vec<Waiting<I, T, E>>> {
        let mut queue = self.queue();
        queue.waiting.retain(Waiting::is_wanted);
        let size = queue.waiting.len().min(MOST);
        if size == 0 {
            place.take();
            return None;
        }
        Some(queue.waiting.drain(..size).collect())
    }

    async fn decide(self: &Arc<Self>, mut group: Vec<Waiting<I, T, E>>) {
        let items = group.iter().map(|waiting| waiting.item.clone()).collect();
        let fault = match self.write(items).await {
            Ok(fates) => return self.settle(group, fates),
            Err(fault) => fault,
        };
        if group.len() == 1
            && let Some(alone) = group.pop()
        {
            return alone.answer(Err(fault));
        }
        for waiting in group.into_iter().filter(Waiting::is_wanted) {
            match fault.fault().and_then(DbError::again) {
                Some(same) => waiting.answer(Err(same.into())),
                // One of them is at fault, and the others have nothing to do with it.
                None => Box::pin(self.decide(vec![waiting])).await,
            }
        }
    }

    /// Answers whoever was decided, and lets the rest come first in the next group.
    fn settle(&self, group: Vec<Waiting<I, T, E>>, fates: Outcomes<T, E>) {
        let mut put_off = Vec::new();
        for (waiting, fate) in group.into_iter().zip(fates) {
            match fate {
                Some(result) => waiting.answer(result),
                None => put_off.push(waiting),
            }
        }
        let mut queue = self.queue();
        for waiting in put_off.into_iter().rev() {
            queue.waiting.push_front(waiting);
        }
    }

    async fn write(self: &Arc<Self>, items: Vec<Arc<I>>) -> Result<Outcomes<T, E>, E> {
        let desk = self.clone();
        let use_case = move |conn: &mut Conn| {
            let items: Vec<&I> = items.iter().map(Arc::as_ref).collect();
            (desk.use_case)(conn, &items)
        };
        self.db.write(use_case).await
    }
}

impl<I, T, E> Waiting<I, T, E> {
    /// Whether somebody still waits for the answer.
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn answer(self, result: Result<T, E>) {
        // Whoever asked may have gone away; what was decided stands all the same.
        let _ = self.reply.send(result);
    }
}
