//! Runs waiting use cases of the same kind together in one transaction. Those that arrive while a batch runs form the
//! next batch.
//!
//! A proposal runs a dozen queries and stores rows in five tables. A batch of sixteen proposals needs as many
//! statements as one proposal. No item waits for a batch to fill: a batch takes what is in the queue when it starts.

use super::threads::lock;
use super::{Conn, Db, DbError, Retryable};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

/// The largest number of items in one transaction. It bounds how long a batch holds its locks.
const MAX_BATCH: usize = 64;

/// The results of a batch, in the order of its items. `None` moves an item to the next batch, because it depends on the
/// result of another item in this batch.
pub type Outcomes<T, E> = Vec<Option<Result<T, E>>>;

type BatchUseCase<I, T, E> = dyn Fn(&mut Conn, &[&I]) -> Result<Outcomes<T, E>, E> + Send + Sync;

/// A queue before [`Db::write`]. Cloning shares it.
pub struct Batcher<I, T, E>(Arc<BatcherInner<I, T, E>>);

impl<I, T, E> Clone for Batcher<I, T, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct BatcherInner<I, T, E> {
    db: Db,
    use_case: Box<BatchUseCase<I, T, E>>,
    /// One permit for each batch that may run.
    permits: Arc<Semaphore>,
    /// The runtime that batches run on. The runtime of a caller may end before the other items of its batch are
    /// answered.
    runtime: Handle,
    queue: Mutex<BatchQueue<I, T, E>>,
}

struct BatchQueue<I, T, E> {
    items: VecDeque<BatchItem<I, T, E>>,
    /// The number of the newest item.
    last: u64,
}

struct BatchItem<I, T, E> {
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
    /// A queue for this use case. Its outcomes hold the errors of single items. If the use case returns an `Err`, the
    /// batch is rolled back and each item is tried alone, unless the database itself is the cause. The use case must
    /// not return `None` for a batch of one item, because that item would be tried again for ever.
    ///
    /// # Panics
    /// Outside of a runtime. Batches run on the current one, which must outlive the callers of `submit`.
    pub fn new(
        db: Db,
        use_case: impl Fn(&mut Conn, &[&I]) -> Result<Outcomes<T, E>, E> + Send + Sync + 'static,
    ) -> Self {
        // The SQLite writer runs one batch after the other. PostgreSQL runs one while it commits another.
        let at_once = if db.is_embedded() { 1 } else { 2 };
        Self(Arc::new(BatcherInner {
            db,
            use_case: Box::new(use_case),
            permits: Arc::new(Semaphore::new(at_once)),
            runtime: Handle::current(),
            queue: Mutex::new(BatchQueue {
                items: VecDeque::new(),
                last: 0,
            }),
        }))
    }

    /// Runs the use case for an item, with the guarantees of [`Db::write`].
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn submit(&self, item: I) -> Result<T, E> {
        let (reply, mut answer) = oneshot::channel();
        let inner = &self.0;
        let number = inner.push(item, reply)?;
        let settings = inner.db.settings();
        let answered = match timeout(settings.wait, &mut answer).await {
            Ok(answered) => Ok(answered),
            Err(_) if inner.remove(number) => return Err(DbError::Overloaded.into()),
            Err(_) => timeout(settings.answer, answer).await,
        };
        let late = |_| DbError::OutcomeUnknown("the batch's transaction did not end in time".into());
        let dropped = |_| DbError::OutcomeUnknown("the batch was dropped without an answer".into());
        answered.map_err(late)?.map_err(dropped)?
    }
}

impl<I, T, E> BatcherInner<I, T, E>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: From<DbError> + From<diesel::result::Error> + Retryable + Send + 'static,
{
    /// Queues an item, and starts a worker if another batch may run.
    fn push(self: &Arc<Self>, item: I, reply: oneshot::Sender<Result<T, E>>) -> Result<u64, DbError> {
        let mut queue = lock(&self.queue);
        if queue.items.len() >= self.db.settings().write_queue {
            return Err(DbError::Overloaded);
        }
        queue.last += 1;
        let number = queue.last;
        let item = Arc::new(item);
        queue.items.push_back(BatchItem { number, item, reply });
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            self.runtime.spawn(self.clone().work(permit));
        }
        Ok(number)
    }

    /// Takes an item out of the queue. False if it is in a batch already.
    fn remove(&self, number: u64) -> bool {
        let mut queue = lock(&self.queue);
        let place = queue.items.iter().position(|item| item.number == number);
        place.is_some_and(|place| queue.items.remove(place).is_some())
    }

    /// Runs batch after batch until the queue is empty. The permit is released however this ends.
    async fn work(self: Arc<Self>, permit: OwnedSemaphorePermit) {
        let mut permit = Some(permit);
        while let Some(batch) = self.next_batch(&mut permit) {
            self.run(batch).await;
        }
    }

    /// The next batch. If the queue is empty, the permit is released while the queue is still locked. So the next
    /// `push` finds it free and starts a worker.
    fn next_batch(&self, permit: &mut Option<OwnedSemaphorePermit>) -> Option<Vec<BatchItem<I, T, E>>> {
        let mut queue = lock(&self.queue);
        queue.items.retain(BatchItem::is_wanted);
        let size = queue.items.len().min(MAX_BATCH);
        if size == 0 {
            permit.take();
            return None;
        }
        Some(queue.items.drain(..size).collect())
    }

    async fn run(self: &Arc<Self>, mut batch: Vec<BatchItem<I, T, E>>) {
        let items = batch.iter().map(|queued| queued.item.clone()).collect();
        let error = match self.write(items).await {
            Ok(outcomes) => return self.answer_items(batch, outcomes),
            Err(error) => error,
        };
        if batch.len() == 1
            && let Some(alone) = batch.pop()
        {
            return alone.answer(Err(error));
        }
        for queued in batch.into_iter().filter(BatchItem::is_wanted) {
            match error.fault().and_then(DbError::for_whole_batch) {
                Some(fault) => queued.answer(Err(fault.into())),
                // One of the items caused the error. The others may succeed.
                None => Box::pin(self.run(vec![queued])).await,
            }
        }
    }

    /// Answers the items that have outcomes. The others come first in the next batch.
    fn answer_items(&self, batch: Vec<BatchItem<I, T, E>>, outcomes: Outcomes<T, E>) {
        let mut put_off = Vec::new();
        for (queued, outcome) in batch.into_iter().zip(outcomes) {
            match outcome {
                Some(result) => queued.answer(result),
                None => put_off.push(queued),
            }
        }
        let mut queue = lock(&self.queue);
        for queued in put_off.into_iter().rev() {
            queue.items.push_front(queued);
        }
    }

    async fn write(self: &Arc<Self>, items: Vec<Arc<I>>) -> Result<Outcomes<T, E>, E> {
        let inner = self.clone();
        let use_case = move |conn: &mut Conn| {
            let items: Vec<&I> = items.iter().map(Arc::as_ref).collect();
            (inner.use_case)(conn, &items)
        };
        self.db.write(use_case).await
    }
}

impl<I, T, E> BatchItem<I, T, E> {
    /// Whether the caller still waits for the answer.
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn answer(self, result: Result<T, E>) {
        // The caller may have disconnected. That does not undo the commit.
        let _ = self.reply.send(result);
    }
}
